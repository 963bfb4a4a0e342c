import type { Clock } from '@hyperpage/runtime';
import type { NearCacheMetrics } from './metrics.ts';
import type { Snapshot } from './operation.ts';
import type { Found, SessionTarget } from './target.ts';

/** What Redis tells of changes: `follow` calls back with the keys' ids that may have changed, or with undefined when any
 *  may have. */
export interface Changes {
  /** Whether changes are heard now, all of them. */
  following(): boolean;
  follow(listener: (sessionIds: readonly string[] | undefined) => void): void;
}

export interface NearCacheOptions {
  clock: Clock;
  changes: Changes;
  /** Longest time for which a read is served from here, in milliseconds: what limits the harm when the way on which
   *  changes are told hangs and nobody has noticed. */
  maxAgeMs: number;
  metrics: NearCacheMetrics;
  mostSessions?: number;
}

type Hit = Extract<Found, { kind: 'ok' }>;

const MOST_SESSIONS = 2000;

/** Reads that need no Redis, from copies that it has promised to tell changes of (`CLIENT TRACKING`).
 *
 *  N1. A copy is kept only when no change was told between the question and the answer.
 *  N2. An own write ends the copy when it is asked for, and again when it is done: a read that begins after its
 *      answer sees it, also where Redis's word comes later.
 *  N3. When changes cannot be heard there are no copies. */
export function withNearCache(remote: SessionTarget, options: NearCacheOptions): SessionTarget {
  const { clock, changes, maxAgeMs, metrics, mostSessions = MOST_SESSIONS } = options;
  const copies = new Map<string, { found: Hit; askedMs: number }>();
  /** Questions under way; one that is not in here any more when it is answered is not kept. */
  const asking = new Map<string, Promise<Found>>();

  const end = (sessionId: string) => {
    copies.delete(sessionId);
    asking.delete(sessionId);
  };
  changes.follow((sessionIds) => {
    if (sessionIds) for (const id of sessionIds) end(id);
    else {
      copies.clear();
      asking.clear();
    }
  });

  const ask = (sessionId: string, known: Snapshot | undefined): Promise<Found> => {
    const askedMs = clock.monotonicMs();
    const answer = remote.read(sessionId, known).then((found) => {
      if (asking.get(sessionId) !== answer) return found;
      asking.delete(sessionId);
      if (found.kind === 'ok' && changes.following()) {
        copies.set(sessionId, { found, askedMs });
        const [oldest] = copies.keys();
        if (copies.size > mostSessions && oldest !== undefined) copies.delete(oldest);
      }
      return found;
    });
    if (changes.following()) asking.set(sessionId, answer);
    return answer;
  };

  const writing = async <T>(sessionId: string, write: () => Promise<T>): Promise<T> => {
    end(sessionId);
    try {
      return await write();
    } finally {
      end(sessionId);
    }
  };

  return {
    ...remote,
    apply: (operation) => writing(operation.sessionId, () => remote.apply(operation)),
    merge: (sessionId, held) => writing(sessionId, () => remote.merge(sessionId, held)),
    read(sessionId, known) {
      const copy = copies.get(sessionId);
      if (copy && clock.monotonicMs() - copy.askedMs < maxAgeMs) {
        metrics.inc({ result: 'hit' });
        return Promise.resolve(copy.found);
      }
      metrics.inc({ result: 'miss' });
      // One question is enough for all who ask meanwhile.
      return asking.get(sessionId) ?? ask(sessionId, known);
    },
  };
}
