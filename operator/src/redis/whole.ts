import { quorumOf } from '../desired/index.ts';
import type { Judgement } from './judge.ts';
import type { RedisObservation } from './types.ts';

/** A Redis pod as Kubernetes sees it. */
export interface RedisPod {
  pod: string;
  uid: string;
  ordinal: number;
  ready: boolean;
  /** Being deleted. */
  going: boolean;
  /** It was made from another template than the StatefulSet has now. */
  outdated: boolean;
  /** It meets something that time does not mend: an image that cannot be pulled, a crash again and again. */
  broken: boolean;
}

/** Longest silence of a replica before a planned restart, in seconds: Redis sends a heartbeat each second. */
const SILENCE_SECONDS = 2;

/** What keeps a topology with Sentinels from losing one more pod without harm, in words; undefined when nothing does:
 *  every pod is ready, one primary takes writes, everybody follows it without lag, and every Sentinel knows them all.
 *  Only then may a pod be restarted or removed on purpose. */
export function notWhole(
  pods: readonly RedisPod[],
  observation: RedisObservation,
  judgement: Judgement,
): string | undefined {
  return (
    podsNotWhole(pods, observation) ??
    replicationNotWhole(observation, judgement) ??
    sentinelsNotWhole(observation, judgement)
  );
}

function podsNotWhole(pods: readonly RedisPod[], { expected, nodes }: RedisObservation): string | undefined {
  const going = pods.find((each) => each.going);
  if (going) return `${going.pod} is stopping`;
  if (pods.length < expected) return `${pods.length} of ${expected} Redis pods exist`;
  const unready = pods.find(({ ready }) => !ready);
  if (unready) return `${unready.pod} is not ready`;
  const silent = nodes.find(({ reachable }) => !reachable);
  if (silent) return `${silent.pod} does not answer`;
  return nodes.length === expected ? undefined : `${nodes.length} of ${expected} Redis pods answer`;
}

function replicationNotWhole(
  { nodes, expected }: RedisObservation,
  { primary, primaries, elected }: Judgement,
): string | undefined {
  if (!primary) return 'there is no primary';
  if (primaries.length > 1) return `${primaries.map(({ pod }) => pod).join(' and ')} are primaries`;
  if (primary.address !== elected) return `the Sentinels have not agreed on ${primary.pod}`;
  if (primary.refuses) return `${primary.pod} refuses writes: ${primary.refuses}`;
  for (const node of nodes) {
    if (!node.reachable || node === primary) continue;
    if (node.loading) return `${node.pod} reads its data`;
    if (node.role !== 'replica' || node.follows !== primary.address || !node.linkUp)
      return `${node.pod} does not follow ${primary.pod} yet`;
  }
  if (primary.connectedReplicas < expected - 1)
    return `${primary.connectedReplicas} of ${expected - 1} replicas are connected to ${primary.pod}`;
  if (primary.slowestReplicaSeconds > SILENCE_SECONDS) return `a replica of ${primary.pod} lags`;
  return undefined;
}

/** A pod from mode Standalone has no Sentinel; those that are there must be a majority all the same. */
function sentinelsNotWhole(
  { sentinels, nodes, expected }: RedisObservation,
  { watching, elected }: Judgement,
): string | undefined {
  if (sentinels.length < quorumOf(expected)) return `${sentinels.length} of ${expected} Sentinels exist`;
  for (const sentinel of sentinels) {
    if (!sentinel.reachable) return `the Sentinel of ${sentinel.pod} does not answer`;
    if (!watching.includes(sentinel) || sentinel.primary !== elected)
      return `the Sentinel of ${sentinel.pod} does not watch the primary yet`;
    if (sentinel.failingOver) return 'a failover is under way';
    if (sentinel.knows < sentinels.length - 1)
      return `the Sentinel of ${sentinel.pod} knows ${sentinel.knows} of ${sentinels.length - 1} others`;
    const known = new Set(sentinel.replicas.filter(({ down }) => !down).map(({ address }) => address));
    const unknown = nodes.find(({ address }) => address !== elected && !known.has(address));
    if (unknown) return `the Sentinel of ${sentinel.pod} does not know ${unknown.pod} yet`;
  }
  return undefined;
}
