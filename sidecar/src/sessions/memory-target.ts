import type { Clock } from '@hyperpage/runtime';
import type { MemoryWorld } from '../memory-world.ts';
import { applyOperation, join, MAX_SESSION_BYTES, type Operation } from './operation.ts';
import type { Applied, Found, Merged, SessionTarget } from './target.ts';

/** Sessions in the memory of this process, shared by every sidecar in it. */
export function createMemoryTarget(
  world: MemoryWorld,
  { clock, ttlMs }: { clock: Clock; ttlMs: number },
): SessionTarget {
  const { sessions } = world;
  const away = { kind: 'unavailable', reason: 'the memory world is switched off' } as const;
  return {
    apply: async (operation): Promise<Applied> => (world.reachable ? applyTo(operation) : away),
    merge: async (sessionId, held): Promise<Merged> => {
      if (!world.reachable) return away;
      const stored = sessions.get(sessionId);
      const nowMs = clock.wallMs();
      const joined = join(stored && stored.expiresMs > nowMs ? stored : undefined, held);
      const life = joined.kind === 'live' ? { ...joined, expiresMs: nowMs + ttlMs } : joined;
      sessions.set(sessionId, life);
      return life.kind === 'live'
        ? { kind: 'ok', snapshot: life, consistency: 'redis' }
        : { kind: 'removed', existed: stored?.kind === 'live', consistency: 'redis' };
    },
    read: async (sessionId): Promise<Found> => {
      if (!world.reachable) return away;
      const stored = sessions.get(sessionId);
      const nowMs = clock.wallMs();
      if (stored?.kind !== 'live' || stored.expiresMs <= nowMs) return { kind: 'not-found' };
      const used = { ...stored, activeMs: nowMs, expiresMs: nowMs + ttlMs };
      sessions.set(sessionId, used);
      return { kind: 'ok', snapshot: used, consistency: 'redis' };
    },
    count: async () => {
      if (!world.reachable) return undefined;
      const nowMs = clock.wallMs();
      return [...sessions.values()].filter((s) => s.kind === 'live' && s.expiresMs > nowMs).length;
    },
    sweep: async () => sweep(),
    ready: () =>
      world.reachable
        ? { ready: true, consistency: 'redis' }
        : { ready: false, consistency: 'local', reason: away.reason },
    close: async () => {},
  };

  function applyTo(operation: Operation): Applied {
    const { term = world.termFloor, sessionId, opId } = operation;
    const stored = sessions.get(sessionId);
    const isDone = stored?.kind === 'live' && stored.ops.includes(opId);
    if (!isDone && term < world.termFloor) return { kind: 'term-overtaken', highest: world.termFloor };
    world.termFloor = Math.max(world.termFloor, term);
    const verdict = applyOperation(sessions.get(operation.sessionId), operation, clock.wallMs(), ttlMs);
    if (verdict.kind === 'ok' || verdict.kind === 'removed')
      sessions.set(operation.sessionId, verdict.stored);
    if (verdict.kind === 'ok') return { kind: 'ok', snapshot: verdict.stored, consistency: 'redis' };
    if (verdict.kind === 'removed')
      return { kind: 'removed', existed: verdict.existed, consistency: 'redis' };
    return verdict.kind === 'too-large' ? { ...verdict, limitBytes: MAX_SESSION_BYTES } : verdict;
  }

  function sweep(): number {
    const nowMs = clock.wallMs();
    let expired = 0;
    for (const [id, stored] of sessions) {
      if (stored.expiresMs > nowMs) continue;
      sessions.delete(id);
      if (stored.kind === 'live') expired += 1;
    }
    return expired;
  }
}
