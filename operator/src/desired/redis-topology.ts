import { type HyperpageCluster, namesOf, redisPodName } from '@hyperpage/contract';

/** The name under which the Sentinels of this cluster know its primary. It holds the CR's UID, so that the Sentinels
 *  of two clusters can never take each other's pods for their own, also when IP addresses are handed on. */
export const sentinelNameOf = (cluster: HyperpageCluster): string => `hyperpage-${cluster.metadata.uid}`;

/** Pods that Redis runs on: none of ours in mode External. */
export const redisReplicasOf = ({ spec: { redis } }: HyperpageCluster): number =>
  redis.mode === 'External' ? 0 : redis.mode === 'Standalone' ? 1 : redis.replicas;

/** Sentinels that must agree that the primary is down, and that must answer for a quorum: a majority. */
export const quorumOf = (sentinels: number): number => Math.floor(sentinels / 2) + 1;

/** DNS names of the Redis pods, one for each ordinal, as pods of the same namespace resolve them. */
export const redisHostsOf = (cluster: HyperpageCluster): string[] => {
  const { name } = cluster.metadata;
  return Array.from(
    { length: redisReplicasOf(cluster) },
    (_, ordinal) => `${redisPodName(name, ordinal)}.${namesOf(name).redisHeadless}`,
  );
};

/** Where an unassigned Redis claims to replicate from: nobody listens there, so it is never writable and holds on to
 *  what it has until it is told whom to follow. The port says what it was before. */
export const UNASSIGNED = {
  host: '127.0.0.1',
  /** It was never a primary here: a fresh pod, or a replica. */
  freshPort: 1,
  /** It was the primary when it stopped: it holds every write that was acknowledged. */
  formerPrimaryPort: 2,
} as const;
