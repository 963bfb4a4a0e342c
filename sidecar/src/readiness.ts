/** How long a new sidecar waits for Redis before it serves without: a healthy Redis is reached in well under a second, and
 *  one that is failing over in about ten. */
export const REDIS_PATIENCE_MS = 10_000;

export interface Progress {
  /** The leader Lease was read, or nobody is elected. */
  electionReady: boolean;
  /** Redis was reached at least once. */
  redisReached: boolean;
  /** Sessions go on in memory while Redis is gone. */
  fallbackToMemory: boolean;
  sinceStartMs: number;
}

/** What a sidecar still lacks to serve; nothing: it is ready. Redis is wanted once, and not for ever where memory can
 *  stand in for it: pods that start while it is down would take none of the load of those that serve without it. */
export function lacking({ electionReady, redisReached, fallbackToMemory, sinceStartMs }: Progress): string[] {
  const servesWithout = fallbackToMemory && sinceStartMs >= REDIS_PATIENCE_MS;
  return [
    ...(electionReady ? [] : ['the leader Lease was not read yet']),
    ...(redisReached || servesWithout ? [] : ['Redis was not reached yet']),
  ];
}
