import { createHash } from 'node:crypto';
import { quorumOf } from '../desired/index.ts';
import type { NodeView, RedisObservation, SentinelView } from './types.ts';

export type Node = Extract<NodeView, { reachable: true }>;
export type Sentinel = Extract<SentinelView, { reachable: true }>;

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
      why: 'first' | 'resumed' | 'restored' | 'chosen';
      /** The address that the Sentinels wait for in vain, and have to forget first. */
      ghost?: string;
    }
  /** A person has decided: let the Sentinels elect `pod`. */
  | { kind: 'nominate'; pod: string }
  /** It would be for the operator to decide, but it does not see enough. */
  | { kind: 'wait'; why: string }
  /** It would be for the operator to decide, and it cannot tell which data is right. `id` names this very conflict: the
   *  answer to it is `<pod>@<id>` in the annotation choose-primary. */
  | { kind: 'conflict'; why: string; id: string };

/** How long every look has shown the same, in milliseconds. */
export interface Lasting {
  /** What `ghostOf` gives. */
  ghostMs: number;
  /** What `strandedOf` gives. */
  strandedMs: number;
}

/** Time for which a ghost must have been seen without a break, in milliseconds. By then a primary that still runs
 *  somewhere out of sight has refused writes for want of a replica (`min-replicas-max-lag`), and Sentinels that could
 *  have elected another primary would have begun to. */
export const GHOST_PROOF_MS = 10_000;

/** Time after which a topology that nobody can elect in needs a person, in milliseconds: a primary that comes back
 *  from a restart of its container, or of its node, is there by then. */
export const STRANDED_PROOF_MS = 30_000;

const NEVER: Lasting = { ghostMs: 0, strandedMs: 0 };

/** Judges one observation of a topology with Sentinels. Pure. `answer`: the annotation choose-primary. */
export function judge(observation: RedisObservation, lasting: Lasting = NEVER, answer?: string): Judgement {
  const nodes = observation.nodes.filter(answers);
  const sentinels = observation.sentinels.filter(answers);
  const watching = sentinels.filter(({ primary }) => primary !== undefined);
  const primaries = nodes.filter(({ role }) => role === 'primary');
  const elected = electedBy(watching, observation.expected);
  return {
    primary: primaries.length === 1 ? primaries[0] : primaries.find(({ address }) => address === elected),
    primaries,
    unassigned: nodes.filter(({ role }) => role === 'unassigned'),
    elected,
    watching,
    quorum: quorumOf(observation.expected),
    decision: heeding(answer, nodes, decide(observation, nodes, sentinels, lasting)),
  };
}

const answers = <V extends NodeView | SentinelView>(view: V): view is Extract<V, { reachable: true }> =>
  view.reachable;

const electedBy = (watching: readonly Sentinel[], expected: number): string | undefined =>
  watching
    .map(({ primary }) => primary)
    .find((address) => watching.filter(({ primary }) => primary === address).length >= quorumOf(expected));

/** `decision`, or what the person who answered that conflict has decided. */
function heeding(answer: string | undefined, nodes: readonly Node[], decision: Undecided): Decision {
  if (decision.kind !== 'conflict') return decision;
  const { id, why, stranded, ghost } = decision;
  const chosen = nodes.find(({ pod }) => answer === `${pod}@${id}`);
  if (!chosen) return { kind: 'conflict', why, id };
  if (stranded) return { kind: 'nominate', pod: chosen.pod };
  return { kind: 'build', primary: chosen.pod, why: 'chosen', ...(ghost === undefined ? {} : { ghost }) };
}

type Conflict = Extract<Decision, { kind: 'conflict' }> & { stranded: boolean; ghost?: string };
type Undecided = Exclude<Decision, { kind: 'conflict' }> | Conflict;

/** The same conflict among the same pods has the same name; pods that were replaced make another one. */
const conflict = (observation: RedisObservation, why: string, stranded = false): Conflict => {
  const facts = observation.nodes.map(({ pod, address }) => `${pod} ${address}`).sort();
  const id = createHash('sha256')
    .update(`${stranded} ${facts.join(' ')}`)
    .digest('hex')
    .slice(0, 8);
  return { kind: 'conflict', why, id, stranded };
};

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

/** The primary that the Sentinels wait for while there is nobody whom they may elect: it does not answer, and every
 *  other Redis has restarted since and followed nobody, so that it may lack what was acknowledged last. Only the one
 *  that they wait for is known to hold it all. Undefined when it is not so. */
export function strandedOf(observation: RedisObservation): string | undefined {
  const nodes = observation.nodes.filter(answers);
  const watching = observation.sentinels.filter(answers).filter(({ primary }) => primary !== undefined);
  const elected = electedBy(watching, observation.expected);
  if (elected === undefined || nodes.length === 0) return undefined;
  if (nodes.some(({ address, loading }) => address === elected || loading)) return undefined;
  return nodes.every(({ role, priority }) => role === 'unassigned' && priority === 0) ? elected : undefined;
}

function decide(
  observation: RedisObservation,
  nodes: Node[],
  sentinels: Sentinel[],
  { ghostMs, strandedMs }: Lasting,
): Undecided {
  if (observation.sentinels.length === 0) return { kind: 'leave' };
  const ghost = ghostOf(observation);
  if (ghost !== undefined) {
    if (ghostMs < GHOST_PROOF_MS)
      return { kind: 'wait', why: `the Sentinels name ${ghost}, which no pod has` };
    const choice = choose(observation, nodes);
    return choice.kind === 'build' || choice.kind === 'conflict' ? { ...choice, ghost } : choice;
  }
  const stranded = strandedOf(observation);
  if (stranded !== undefined && strandedMs >= STRANDED_PROOF_MS) {
    const why = `the Sentinels wait for ${nameOf(observation, stranded)}, which does not answer, and ${others(nodes)} restarted and may lack what was acknowledged last`;
    return conflict(observation, why, true);
  }
  // Whoever watches something decides without us; whoever cannot be asked may be watching.
  if (sentinels.some(({ primary }) => primary !== undefined)) return { kind: 'leave' };
  if (nodes.some(({ role }) => role === 'replica')) return { kind: 'leave' };
  return waitFor(observation, nodes, sentinels) ?? choose(observation, nodes);
}

const others = (nodes: readonly Node[]): string =>
  nodes.map(({ pod, keys }) => `${pod} (${keys} keys)`).join(', ');

const nameOf = ({ nodes }: RedisObservation, address: string): string =>
  nodes.find((node) => node.address === address)?.pod ?? `the Redis at ${address}`;

/** What is not seen yet and may matter. */
function waitFor(observation: RedisObservation, nodes: Node[], sentinels: Sentinel[]): Undecided | undefined {
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
  return undefined;
}

/** All are seen, and no Sentinel watches anything. */
function choose(observation: RedisObservation, nodes: Node[]): Undecided {
  const primaries = nodes.filter(({ role }) => role === 'primary');
  const [primary] = primaries;
  if (primaries.length > 1) {
    const pods = primaries.map(({ pod }) => pod).join(' and ');
    return conflict(observation, `${pods} each say they are the primary and no Sentinel knows better`);
  }
  const withData = nodes.filter(({ keys }) => keys > 0);
  if (primary) {
    const other = withData.find((node) => node !== primary);
    if (!other || primary.keys > 0) return { kind: 'build', primary: primary.pod, why: 'resumed' };
    return conflict(observation, `${primary.pod} is the primary and empty while ${other.pod} holds data`);
  }
  const [first] = [...nodes].sort((a, b) => a.pod.localeCompare(b.pod, 'en', { numeric: true }));
  if (withData.length === 0 && first) return { kind: 'build', primary: first.pod, why: 'first' };
  const former = nodes.filter(({ formerPrimary }) => formerPrimary);
  if (former.length === 1 && former[0]) return { kind: 'build', primary: former[0].pod, why: 'restored' };
  const known = former.length === 0 ? 'none of them is known to have been' : 'several of them were';
  return conflict(observation, `${others(withData)} hold data and ${known} the primary`);
}
