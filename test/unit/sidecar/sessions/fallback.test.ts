import { createRegistry, silentLogger } from '@hyperpage/runtime';
import { MemoryWorld } from '../../../../sidecar/src/memory-world.ts';
import {
  createMemoryTarget,
  fallbackMetrics,
  followRedisClock,
  type SessionTarget,
  withFallback,
} from '../../../../sidecar/src/sessions/index.ts';
import type { Operation } from '../../../../sidecar/src/sessions/operation.ts';
import { jsonOf } from '../../../../sidecar/src/sessions/stamps.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

let ops = 0;
const update = (sessionId: string, value: string): Operation => ({
  kind: 'update',
  sessionId,
  opId: `op-${ops++}`,
  leaves: new Map([['/userId', JSON.stringify(value)]]),
  stamp: String(ops).padStart(16, '0'),
});
const create = (sessionId: string): Operation => ({
  kind: 'create',
  sessionId,
  opId: `op-${ops++}`,
  createdMs: 0,
  leaves: new Map([['/userId', '"new"']]),
});
const remove = (sessionId: string): Operation => ({ kind: 'remove', sessionId, opId: `op-${ops++}` });

const TTL_MS = 3_600_000 * 48;

function pods({
  count = 1,
  most,
}: {
  count?: number;
  most?: Parameters<typeof withFallback>[1]['most'];
} = {}) {
  const clock = new VirtualClock();
  const world = new MemoryWorld();
  /** Loses the answer of the next write, which is done all the same. */
  const fault = { loseAnswer: false };
  const open = () => {
    const remote = createMemoryTarget(world, { clock, ttlMs: TTL_MS });
    const lossy: SessionTarget = {
      ...remote,
      async apply(operation) {
        const outcome = await remote.apply(operation);
        if (!fault.loseAnswer) return outcome;
        fault.loseAnswer = false;
        return { kind: 'unavailable', reason: 'the connection broke' };
      },
    };
    const registry = createRegistry({ processMetrics: false });
    const metrics = fallbackMetrics(registry);
    const target = withFallback(lossy, {
      clock: followRedisClock(clock),
      random: () => 0.5,
      log: silentLogger,
      ttlMs: TTL_MS,
      metrics,
      onReachable: (listener) => {
        world.onReachable.add(listener);
        return () => world.onReachable.delete(listener);
      },
      ...(most ? { most } : {}),
    });
    return { target, metrics };
  };
  return { clock, world, fault, pods: Array.from({ length: count }, open) };
}

const first = <T>(list: T[]): T => list[0] as T;
const userId = (world: MemoryWorld, id: string) => {
  const stored = world.sessions.get(id);
  return stored?.kind === 'live' ? jsonOf(stored.leaves.get('/userId') ?? '') : stored?.kind;
};

describe('sessions in memory while Redis is gone', () => {
  test('a write whose answer was lost is not done twice', async () => {
    const { world, fault, clock, pods: all } = pods();
    const { target } = first(all);
    await target.apply(create('s'));
    fault.loseAnswer = true;
    expect(await target.apply(update('s', 'once'))).toMatchObject({ kind: 'ok', consistency: 'local' });
    // Another pod goes on from it before the replay.
    const other = createMemoryTarget(world, { clock, ttlMs: TTL_MS });
    await other.apply(update('s', 'later'));
    await clock.advance(10_000);
    expect(userId(world, 's')).toBe('"later"');
    expect(await target.read('s')).toMatchObject({
      kind: 'ok',
      consistency: 'redis',
      snapshot: { version: 3 },
    });
  });

  test('writes of a session reach Redis in their order, also those that come while others are replayed', async () => {
    const { world, clock, pods: all } = pods();
    const { target } = first(all);
    world.reachable = false;
    await target.apply(create('s'));
    for (let n = 0; n < 50; n++) await target.apply(update('s', `away ${n}`));
    world.reachable = true;
    const late = Array.from({ length: 50 }, (_, n) => target.apply(update('s', `back ${n}`)));
    await Promise.all(late);
    await clock.advance(10_000);
    expect(userId(world, 's')).toBe('"back 49"');
    expect(await target.read('s')).toMatchObject({ consistency: 'redis', snapshot: { version: 101 } });
  });

  test('Redis that goes again in the middle of the replay costs nothing', async () => {
    const { world, clock, pods: all } = pods();
    const { target, metrics } = first(all);
    world.reachable = false;
    for (let n = 0; n < 100; n++) await target.apply(create(`s${n}`));
    world.reachable = true;
    world.reachable = false;
    await clock.advance(20_000);
    expect((await metrics.journal.get()).values[0]?.value).toBeGreaterThan(0);
    world.reachable = true;
    await clock.advance(20_000);
    expect((await metrics.journal.get()).values[0]?.value).toBe(0);
    expect([...world.sessions.values()].filter(({ kind }) => kind === 'live')).toHaveLength(100);
  });

  test('a session that was removed elsewhere is not brought back by the journal, created or updated', async () => {
    const { world, clock, pods: all } = pods({ count: 2 });
    const [a, b] = all as [(typeof all)[0], (typeof all)[0]];
    await a.target.apply(create('seen'));
    world.reachable = false;
    await a.target.apply(update('seen', 'zombie'));
    await a.target.apply(create('made'));
    await b.target.apply(remove('seen'));
    await b.target.apply(remove('made'));
    // Both replay at once, in whatever order.
    world.reachable = true;
    await clock.advance(20_000);
    expect([userId(world, 'seen'), userId(world, 'made')]).toEqual(['gone', 'gone']);
    expect((await a.target.read('made')).kind).toBe('not-found');
    expect(await a.target.read('seen')).toEqual({ kind: 'not-found' });
  });

  test('a full journal refuses writes and forgets none', async () => {
    const {
      world,
      clock,
      pods: all,
    } = pods({
      most: { sessions: 100, copyBytes: 1e6, journalSessions: 3, journalBytes: 1e6 },
    });
    const { target, metrics } = first(all);
    world.reachable = false;
    const kinds = [];
    for (let n = 0; n < 5; n++) kinds.push((await target.apply(create(`s${n}`))).kind);
    expect(kinds).toEqual(['ok', 'ok', 'ok', 'unavailable', 'unavailable']);
    expect(await target.apply(create('s9'))).toMatchObject({ reason: expect.stringMatching(/full/) });
    // What is held already may change.
    expect((await target.apply(update('s0', 'x'))).kind).toBe('ok');
    expect((await metrics.refused.get()).values[0]?.value).toBe(3);
    world.reachable = true;
    await clock.advance(10_000);
    expect([...world.sessions.keys()].sort()).toEqual(['s0', 's1', 's2']);
    expect(userId(world, 's0')).toBe('"x"');
  });

  test('copies are bounded: the longest unused are forgotten first', async () => {
    const { world, pods: all } = pods({
      most: { sessions: 2, copyBytes: 1e6, journalSessions: 100, journalBytes: 1e6 },
    });
    const { target } = first(all);
    for (const id of ['a', 'b']) await target.apply(create(id));
    await target.read('a');
    await target.apply(create('c'));
    world.reachable = false;
    expect((await target.read('a')).kind).toBe('ok');
    expect((await target.read('c')).kind).toBe('ok');
    expect(await target.read('b')).toMatchObject({ kind: 'unavailable' });
  });

  test('what waited longer than a tombstone stands is dropped and counted', async () => {
    const { world, clock, pods: all } = pods();
    const { target, metrics } = first(all);
    world.reachable = false;
    await target.apply(create('s'));
    await clock.advance(24 * 3_600_000);
    world.reachable = true;
    await clock.advance(10_000);
    expect(world.sessions.size).toBe(0);
    expect((await metrics.dropped.get()).values).toEqual([{ labels: { reason: 'too-old' }, value: 1 }]);
  });

  test('on closing, what is in the journal is written back when Redis is there', async () => {
    const { world, pods: all } = pods();
    const { target } = first(all);
    world.reachable = false;
    await target.apply(create('s'));
    world.onReachable.clear();
    world.reachable = true;
    await target.close();
    expect(userId(world, 's')).toBe('"new"');
  });

  test('on closing, Redis is waited for: when it comes back after seconds nothing is lost', async () => {
    const { world, clock, pods: all } = pods();
    const { target, metrics } = first(all);
    world.reachable = false;
    for (let n = 0; n < 3; n++) await target.apply(create(`s${n}`));
    let closed = false;
    const closing = target.close().then(() => (closed = true));
    await clock.advance(12_000);
    expect(closed).toBe(false);
    world.reachable = true;
    await clock.advance(1000);
    await closing;
    expect([...world.sessions.keys()].sort()).toEqual(['s0', 's1', 's2']);
    expect((await metrics.dropped.get()).values).toEqual([]);
  });

  test('on closing, a Redis that does not come back is not waited for without end, and what is lost is counted', async () => {
    const { world, clock, pods: all } = pods();
    const { target, metrics } = first(all);
    world.reachable = false;
    for (let n = 0; n < 3; n++) await target.apply(create(`s${n}`));
    const closing = target.close();
    await clock.advance(16_000);
    await closing;
    expect((await metrics.dropped.get()).values).toEqual([{ labels: { reason: 'stopped' }, value: 3 }]);
  });
});
