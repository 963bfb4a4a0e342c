import type { Clock } from '@hyperpage/runtime';

/** How long things have been seen without a break. */
export interface Persistence {
  /** Notes that `what` of the cluster `key` looks like `gist` now (undefined: it is not there), and gives since how
   *  many milliseconds every call has said the same. */
  lastsMs(key: string, what: string, gist: string | undefined): number;
  forget(key: string): void;
}

export function createPersistence(clock: Clock): Persistence {
  const seen = new Map<string, Map<string, { gist: string; sinceMs: number }>>();
  return {
    lastsMs: (key, what, gist) => {
      const known = seen.get(key) ?? new Map<string, { gist: string; sinceMs: number }>();
      seen.set(key, known);
      if (gist === undefined) {
        known.delete(what);
        return 0;
      }
      const nowMs = clock.monotonicMs();
      const before = known.get(what);
      if (before?.gist === gist) return nowMs - before.sinceMs;
      known.set(what, { gist, sinceMs: nowMs });
      return 0;
    },
    forget: (key) => void seen.delete(key),
  };
}
