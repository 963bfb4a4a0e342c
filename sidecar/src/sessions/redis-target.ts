import { sessionKey } from '@hyperpage/contract';
import type { FunctionCall, RedisLink } from '../redis/index.ts';
import { createGroupCommit } from './group-commit.ts';
import {
  MAX_SESSION_BYTES,
  type Operation,
  type Snapshot,
  type StoredSession,
  TOMBSTONE_MS,
} from './operation.ts';
import type { Damaged, Unavailable } from './port.ts';
import type { RedisClock } from './redis-clock.ts';
import type { Applied, Found, Merged, SessionTarget } from './target.ts';

export interface RedisTargetOptions {
  ttlMs: number;
  /** Replicas that must confirm a write; 0: the primary is enough. */
  replicas: number;
  /** Longest wait for them, in milliseconds. */
  waitMs: number;
  /** Key of the highest term. */
  floorKey: string;
  /** Told what time Redis says it is. */
  clock: Pick<RedisClock, 'monotonicMs' | 'observe'>;
}

/** Sorted set of session ids by end of life. */
const INDEX = 'hyperpage:sessions';
/** Redis takes no writes just now, but can be read. One that was demoted (READONLY) cannot: others may have written since. */
const NO_WRITES = /^(NOREPLICAS|MISCONF|OOM)\b/;

/** Sessions in Redis, each write one Function call. */
export function createRedisTarget(link: RedisLink, options: RedisTargetOptions): SessionTarget {
  const { ttlMs, replicas, waitMs, clock, floorKey } = options;
  const commit =
    replicas > 0
      ? createGroupCommit(link, { replicas, timeoutMs: waitMs })
      : async (call: FunctionCall) => ({ value: await link.call(call), acks: 0 });

  /** Redis says in each answer when it gave it: as the session's last use. */
  const timed = <Outcome extends Applied | Found>(outcome: Outcome, askedMs: number): Outcome => {
    if (outcome.kind === 'ok') clock.observe(outcome.snapshot.activeMs, askedMs);
    return outcome;
  };

  const write = async (call: FunctionCall): Promise<Applied> => {
    try {
      const { value, acks } = await commit(call);
      const applied = appliedOf(value);
      const wrote = applied.kind === 'ok' || applied.kind === 'removed';
      return wrote && acks < replicas ? { kind: 'not-acknowledged', wanted: replicas, got: acks } : applied;
    } catch (error) {
      return unavailable(error);
    }
  };

  return {
    async apply(operation) {
      const askedMs = clock.monotonicMs();
      return timed(await write(callOf(operation, ttlMs, floorKey)), askedMs);
    },
    merge: async (sessionId, held) => (await write(mergeOf(sessionId, held, ttlMs))) as Merged,
    async read(sessionId, known): Promise<Found> {
      const has = known ? `${known.version} ${known.updatedMs}` : '';
      const keys = [sessionKey(sessionId), INDEX];
      const askedMs = clock.monotonicMs();
      try {
        const reply = await link.call({ name: 'session_read', keys, args: [sessionId, ttlMs, has] });
        return timed(foundOf(reply, known), askedMs);
      } catch (error) {
        if (!(error instanceof Error && NO_WRITES.test(error.message))) return unavailable(error);
      }
      try {
        return foundOf(await link.call({ name: 'session_peek', keys: keys.slice(0, 1), args: [] }));
      } catch (error) {
        return unavailable(error);
      }
    },
    async count() {
      try {
        return Number(await link.call({ name: 'sessions_count', keys: [INDEX], args: [] }));
      } catch {
        return undefined;
      }
    },
    sweep: async () => Number(await link.call({ name: 'sessions_sweep', keys: [INDEX], args: [] })),
    ready: () =>
      link.connected()
        ? { ready: true, consistency: 'redis' }
        : { ready: false, consistency: 'local', reason: 'Redis is not connected' },
    close: async () => {},
  };
}

function callOf(operation: Operation, ttlMs: number, floorKey: string): FunctionCall {
  const { kind, sessionId, opId, term = '' } = operation;
  const keys = [sessionKey(sessionId), INDEX, ...(term === '' ? [] : [floorKey])];
  if (kind === 'remove') {
    const args = [sessionId, TOMBSTONE_MS, operation.bury ? 1 : 0, term];
    return { name: 'session_remove', keys, args };
  }
  const expected = kind === 'update' ? (operation.ifVersion ?? '') : '';
  const created = kind === 'create' ? operation.createdMs : '';
  const stamp = kind === 'create' ? '' : operation.stamp;
  const leaves = [...operation.leaves].flat();
  return {
    name: 'session_write',
    keys,
    args: [kind, sessionId, opId, ttlMs, expected, created, MAX_SESSION_BYTES, stamp, term, ...leaves],
  };
}

function mergeOf(sessionId: string, held: StoredSession, ttlMs: number): FunctionCall {
  const keys = [sessionKey(sessionId), INDEX];
  if (held.kind === 'gone') return { name: 'session_remove', keys, args: [sessionId, TOMBSTONE_MS, 1] };
  const { version, createdMs, updatedMs, activeMs, leaves } = held;
  const args = [sessionId, ttlMs, version, createdMs, updatedMs, activeMs, ...[...leaves].flat()];
  return { name: 'session_merge', keys, args };
}

const unavailable = (error: unknown): Unavailable => ({
  kind: 'unavailable',
  reason: error instanceof Error ? error.message : String(error),
});
const DAMAGED: Damaged = { kind: 'damaged', reason: 'what is stored under this id is not a session' };

function appliedOf(reply: unknown): Applied {
  const [verdict, detail] = Array.isArray(reply) ? (reply as unknown[]) : [];
  switch (verdict) {
    case 'ok':
      return { kind: 'ok', snapshot: snapshotOf(reply as string[]), consistency: 'redis' };
    case 'gone':
      return { kind: 'removed', existed: false, consistency: 'redis' };
    case 'removed':
      return { kind: 'removed', existed: detail === 1, consistency: 'redis' };
    case 'taken':
    case 'not-found':
      return { kind: verdict };
    case 'version-conflict':
      return { kind: verdict, version: Number(detail) };
    case 'term-overtaken':
      return { kind: verdict, highest: Number(detail) };
    case 'too-large':
      return { kind: verdict, bytes: Number(detail), limitBytes: MAX_SESSION_BYTES };
    default:
      return DAMAGED;
  }
}

function foundOf(reply: unknown, known?: Snapshot): Found {
  if (known && Array.isArray(reply) && reply[0] === 'same') {
    const { leaves, version, createdMs, updatedMs } = known;
    const snapshot = { leaves, version, createdMs, updatedMs, activeMs: Number(reply[1]) };
    return { kind: 'ok', snapshot, consistency: 'redis' };
  }
  const applied = appliedOf(reply);
  return applied.kind === 'ok' || applied.kind === 'not-found' ? applied : DAMAGED;
}

/** `ok`, then names and values: leaves begin with a slash, the rest is the store's own. */
function snapshotOf(reply: readonly string[]): Snapshot {
  const leaves = new Map<string, string>();
  const own: Record<string, string> = {};
  for (let i = 1; i + 1 < reply.length; i += 2) {
    const name = reply[i] ?? '';
    const value = reply[i + 1] ?? '';
    if (name.startsWith('/')) leaves.set(name, value);
    else own[name] = value;
  }
  return {
    leaves,
    version: Number(own['v']),
    createdMs: Number(own['c']),
    updatedMs: Number(own['u']),
    activeMs: Number(own['a']),
  };
}
