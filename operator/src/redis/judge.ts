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
  | {
      kind: 'build';
      primary: string;
      why: 'first' | 'resumed' | 'restored';
      /** The address that the Sentinels wait for in vain, and have to forget first. */
      ghost?: string;
    }
  /** It would be for the operator to decide, but it does not see enough. */
  | { kind: 'wait'; why: string }
  /** It would be for the operator to decide, and it cannot tell which data is right. */
  | { kind: 'conflict'; why: string };

/** Time for which a ghost must have been seen without a break, in milliseconds. By then a primary that still runs
 *  somewhere out of sight has refused writes for want of a replica (`min-replicas-max-lag`), and Sentinels that could
 *  have elected another primary would have begun to. */
export const GHOST_PROOF_MS = 10_000;

/** Judges one observation of a topology with Sentinels. Pure. `ghostMs`: how long `ghostOf` has given the same. */
export function judge(observation: RedisObservation, ghostMs = 0): Judgement {
  const nodes = observation.nodes.filter(answers);
  const sentinels = observation.sentinels.filter(answers);
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
    decision: decide(observation, nodes, sentinels, ghostMs),
  };
}

const answers = <V extends NodeView | SentinelView>(view: V): view is Extract<V, { reachable: true }> =>
  view.reachable;

/** The address that the Sentinels name although it cannot come back: every Redis pod that there should be is seen, has
 *  another address and belongs to nobody, and every Sentinel that watches anything holds that address for down. It
 *  comes about when all pods are replaced while one Sentinel lives long enough to tell the new ones of the old primary:
 *  they know no replica of it, so they can never elect. Undefined when there is none, or not all is seen. */
export function ghostOf({ expected, nodes, sentinels }: RedisObservation): string | undefined {
  if (nodes.length !== expected || sentinels.length !== expected) return undefined;
  const seen = nodes.filter(answers);
  const asked = sentinels.filter(answers);
  if (seen.length < expected || asked.length < expected) return undefined;
  if (seen.some(({ role, loading }) => role !== 'unassigned' || loading)) return undefined;
  const watching = asked.filter(({ primary }) => primary !== undefined);
  const named = [...new Set(watching.map(({ primary }) => primary ?? ''))].sort();
  if (watching.some(({ primaryDown }) => !primaryDown)) return undefined;
  // Pods that are being deleted are among the nodes as well: an address that one of them has is no ghost.
  if (named.some((address) => nodes.some((node) => node.address === address))) return undefined;
  return named.length > 0 ? named.join(' and ') : undefined;
}

function decide(
  observation: RedisObservation,
  nodes: Node[],
  sentinels: Sentinel[],
  ghostMs: number,
): Decision {
  if (observation.sentinels.length === 0) return { kind: 'leave' };
  const ghost = ghostOf(observation);
  if (ghost !== undefined) {
    if (ghostMs < GHOST_PROOF_MS)
      return { kind: 'wait', why: `the Sentinels name ${ghost}, which no pod has` };
    const choice = choose(nodes);
    return choice.kind === 'build' ? { ...choice, ghost } : choice;
  }
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
