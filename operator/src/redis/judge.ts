import { quorumOf } from '../desired/index.ts';
import type { NodeView, RedisObservation, SentinelView } from './types.ts';

type Node = Extract<NodeView, { reachable: true }>;
type Sentinel = Extract<SentinelView, { reachable: true }>;

/** What an observation means. */
export interface Judgement {
  /** The primary: the only one, or of several the one that a majority of the Sentinels name. */
  primary: Node | undefined;
  /** Every Redis that says it is a primary. */
  primaries: Node[];
  unassigned: Node[];
  /** Whom a majority of all Sentinels name. */
  elected: string | undefined;
  /** Sentinels that answer and watch something. */
  watching: Sentinel[];
  quorum: number;
  decision: Decision;
}

/** What the operator does about the topology. Sentinel is the only elector: all there is to decide is the first
 *  primary, and who takes up where the last one stopped when all of them were down. */
export type Decision =
  | { kind: 'leave' }
  /** Nobody has ever been primary here, or the building broke off half-way: make `primary` the primary. */
  | { kind: 'build'; primary: string; why: 'first' | 'resumed' | 'restored' }
  /** It would be for the operator to decide, but it does not see enough. */
  | { kind: 'wait'; why: string }
  /** It would be for the operator to decide, and it cannot tell which data is right. */
  | { kind: 'conflict'; why: string };

/** Judges one observation of a topology with Sentinels. Pure. */
export function judge(observation: RedisObservation): Judgement {
  const nodes = observation.nodes.filter((node): node is Node => node.reachable);
  const sentinels = observation.sentinels.filter((sentinel): sentinel is Sentinel => sentinel.reachable);
  const watching = sentinels.filter(({ primary }) => primary !== undefined);
  const quorum = quorumOf(observation.expected);
  const elected = watching
    .map(({ primary }) => primary)
    .find((address) => watching.filter(({ primary }) => primary === address).length >= quorum);
  const primaries = nodes.filter(({ role }) => role === 'primary');
  return {
    primary: primaries.length === 1 ? primaries[0] : primaries.find(({ address }) => address === elected),
    primaries,
    unassigned: nodes.filter(({ role }) => role === 'unassigned'),
    elected,
    watching,
    quorum,
    decision: decide(observation, nodes, sentinels),
  };
}

function decide(observation: RedisObservation, nodes: Node[], sentinels: Sentinel[]): Decision {
  if (observation.sentinels.length === 0) return { kind: 'leave' };
  // Whoever watches something decides without us; whoever cannot be asked may be watching.
  if (sentinels.some(({ primary }) => primary !== undefined)) return { kind: 'leave' };
  if (nodes.some(({ role }) => role === 'replica')) return { kind: 'leave' };
  const quorum = quorumOf(observation.expected);
  if (nodes.length < quorum || sentinels.length < quorum) {
    return { kind: 'wait', why: `${nodes.length} of ${observation.expected} Redis pods answer` };
  }
  const silent = [...observation.nodes, ...observation.sentinels].filter(({ reachable }) => !reachable);
  const missing = observation.expected - observation.nodes.length;
  if (silent.length > 0 || (missing > 0 && !observation.missingAreEmpty)) {
    const pods = [...new Set(silent.map(({ pod }) => pod))].sort();
    return { kind: 'wait', why: `no answer yet from ${pods.join(', ') || `${missing} missing pods`}` };
  }
  if (nodes.some(({ loading }) => loading))
    return { kind: 'wait', why: 'Redis is reading its data from disk' };
  return choose(nodes);
}

/** All are seen, and no Sentinel watches anything. */
function choose(nodes: Node[]): Decision {
  const primaries = nodes.filter(({ role }) => role === 'primary');
  const [primary] = primaries;
  if (primaries.length > 1) {
    const pods = primaries.map(({ pod }) => pod).join(' and ');
    return { kind: 'conflict', why: `${pods} each say they are the primary and no Sentinel knows better` };
  }
  const withData = nodes.filter(({ keys }) => keys > 0);
  if (primary) {
    const other = withData.find((node) => node !== primary);
    if (!other || primary.keys > 0) return { kind: 'build', primary: primary.pod, why: 'resumed' };
    return { kind: 'conflict', why: `${primary.pod} is the primary and empty while ${other.pod} holds data` };
  }
  const [first] = [...nodes].sort((a, b) => a.pod.localeCompare(b.pod, 'en', { numeric: true }));
  if (withData.length === 0 && first) return { kind: 'build', primary: first.pod, why: 'first' };
  const former = nodes.filter(({ formerPrimary }) => formerPrimary);
  if (former.length === 1 && former[0]) return { kind: 'build', primary: former[0].pod, why: 'restored' };
  const pods = withData.map(({ pod, keys }) => `${pod} (${keys} keys)`).join(', ');
  return {
    kind: 'conflict',
    why: `${pods} hold data and ${former.length === 0 ? 'none of them is known to have been' : 'several of them were'} the primary`,
  };
}
