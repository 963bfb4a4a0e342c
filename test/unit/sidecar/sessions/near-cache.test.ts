import { createRegistry } from '@hyperpage/runtime';
import { MemoryWorld } from '../../../../sidecar/src/memory-world.ts';
import {
  createMemoryTarget,
  nearCacheMetrics,
  type SessionTarget,
  withNearCache,
} from '../../../../sidecar/src/sessions/index.ts';
import { jsonOf } from '../../../../sidecar/src/sessions/stamps.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const MAX_AGE_MS = 1000;
let stamps = 0;
const update = (value: string) => ({
  kind: 'update' as const,
  sessionId: 's',
  opId: `op-${stamps++}`,
  leaves: new Map([['/userId', JSON.stringify(value)]]),
  stamp: String(stamps).padStart(16, '0'),
});

async function cached() {
  const clock = new VirtualClock();
  const memory = createMemoryTarget(new MemoryWorld(), { clock, ttlMs: 1e9 });
  await memory.apply({
    kind: 'create',
    sessionId: 's',
    opId: 'c',
    createdMs: 0,
    leaves: new Map([['/userId', '"a"']]),
  });
  let reads = 0;
  let gate: Promise<void> | undefined;
  const redis: SessionTarget = {
    ...memory,
    async read(sessionId) {
      reads += 1;
      const found = await memory.read(sessionId);
      await gate;
      return found;
    },
  };
  const told = { on: true, tell: (_ids: readonly string[] | undefined) => {} };
  const near = withNearCache(redis, {
    clock,
    maxAgeMs: MAX_AGE_MS,
    metrics: nearCacheMetrics(createRegistry({ processMetrics: false })),
    mostSessions: 3,
    changes: { following: () => told.on, follow: (listener) => void (told.tell = listener) },
  });
  const value = async () => {
    const found = await near.read('s');
    return found.kind === 'ok' ? jsonOf(found.snapshot.leaves.get('/userId') ?? '') : found.kind;
  };
  const hold = () => {
    const held = Promise.withResolvers<void>();
    gate = held.promise;
    return () => {
      gate = undefined;
      held.resolve();
    };
  };
  return { clock, memory, near, told, value, hold, reads: () => reads };
}

test('a second read needs no Redis, until Redis tells of a change', async () => {
  const { memory, told, value, reads } = await cached();
  await value();
  expect([await value(), reads()]).toEqual(['"a"', 1]);
  await memory.apply(update('b'));
  told.tell(['s']);
  expect([await value(), reads()]).toEqual(['"b"', 2]);
});

test('what changed between the question and the answer is not kept', async () => {
  const { memory, told, value, hold } = await cached();
  const release = hold();
  const early = value();
  await memory.apply(update('b'));
  told.tell(['s']);
  release();
  expect(await early).toBe('"a"');
  expect(await value()).toBe('"b"');
});

test('after an own write a read sees it, also while Redis has told nothing and an older question is under way', async () => {
  const { near, value, hold } = await cached();
  await value();
  const release = hold();
  const early = near.read('s');
  await near.apply(update('b'));
  release();
  await early;
  expect(await value()).toBe('"b"');
});

test('a copy is served no longer than its age allows, and not at all while changes cannot be heard', async () => {
  const { clock, told, value, reads } = await cached();
  await value();
  await clock.advance(MAX_AGE_MS - 1);
  await value();
  expect(reads()).toBe(1);
  await clock.advance(1);
  await value();
  expect(reads()).toBe(2);
  told.on = false;
  told.tell(undefined);
  await value();
  await value();
  expect(reads()).toBe(4);
});

test('copies are bounded by number', async () => {
  const { memory, near, reads } = await cached();
  for (const sessionId of ['t', 'u', 'v'])
    await memory.apply({ kind: 'create', sessionId, opId: sessionId, createdMs: 0, leaves: new Map() });
  for (const sessionId of ['s', 't', 'u', 'v']) await near.read(sessionId);
  expect(reads()).toBe(4);
  await near.read('v');
  expect(reads()).toBe(4);
  await near.read('s');
  expect(reads()).toBe(5);
});
