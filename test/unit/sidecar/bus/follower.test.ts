import { decodeEnvelope, encodeEnvelope } from '../../../../sidecar/src/bus/envelope.ts';
import { Follower } from '../../../../sidecar/src/bus/follower.ts';
import { LOG_START, type LogListener, type MessageLog, type Push } from '../../../../sidecar/src/bus/log.ts';
import { createMemoryLog } from '../../../../sidecar/src/bus/memory-log.ts';
import { MemoryWorld } from '../../../../sidecar/src/memory-world.ts';
import { settled, VirtualClock } from '../../../support/virtual-clock.ts';
import { seeded } from '../seeded.ts';

const CHANNEL = 'test:all';
const envelope = (n: number) =>
  encodeEnvelope({
    id: `m-${n}`,
    type: 'broadcast',
    payload: n,
    timestamp: 0,
    sourcePod: 'pod-a',
    priority: 'low',
  });

/** A follower over a log whose pushes a test lets through, drops, doubles or delays. */
function follow({ bounds = { messages: 1000, bytes: 1e9, idleMs: 1e9 } } = {}) {
  const world = new MemoryWorld();
  const clock = new VirtualClock();
  const real = createMemoryLog(world, () => bounds);
  const pushes: Push[] = [];
  let listener: LogListener | undefined;
  const log: MessageLog = {
    ...real,
    follow(channel, outer) {
      listener = outer;
      real.follow(channel, { ...outer, onPush: (push) => void pushes.push(push) });
    },
  };
  const got: unknown[] = [];
  const gaps: string[] = [];
  const follower = new Follower(
    log,
    CHANNEL,
    {
      message: ({ payload }) => got.push(payload),
      gap: (reason) => gaps.push(reason),
      started: () => {},
      dropped: () => {},
    },
    { clock, decode: decodeEnvelope, remember: 2 * bounds.messages },
  );
  let sent = 0;
  return {
    world,
    clock,
    follower,
    got,
    gaps,
    pushes,
    /** Appends messages; their pushes wait in `pushes`. */
    async send(count: number) {
      for (let n = 0; n < count; n++) await real.append(CHANNEL, envelope(sent++));
      await settled();
    },
    deliver(push: Push | undefined) {
      if (push) listener?.onPush(push);
    },
    deliverAll() {
      for (const push of pushes.splice(0)) listener?.onPush(push);
    },
    garbage: () => listener?.onGarbage(),
    get sent() {
      return sent;
    },
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('a follower of a channel', () => {
  test('delivers what is pushed, in order', async () => {
    const at = follow();
    await settled();
    await at.send(3);
    at.deliverAll();
    expect(at.got).toEqual([0, 1, 2]);
  });

  test('a lost push is noticed with the next one, and read from the log', async () => {
    const at = follow();
    await settled();
    await at.send(3);
    at.pushes.shift();
    at.pushes.shift();
    at.deliverAll();
    await settled();
    expect(at.got).toEqual([0, 1, 2]);
    expect(at.gaps).toEqual([]);
  });

  test('a lost last push is found by looking now and then', async () => {
    const at = follow();
    await settled();
    await at.send(2);
    at.pushes.length = 0;
    expect(at.got).toEqual([]);
    await at.clock.advance(3000);
    expect(at.got).toEqual([0, 1]);
  });

  test('pushes doubled, delayed, reordered and lost: each message once and in order (200 seeds)', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seeded(seed);
      const at = follow();
      await settled();
      for (let turn = 0; turn < 12; turn++) {
        await at.send(random.below(4));
        while (at.pushes.length > 0 && random.below(4) > 0) {
          const index = random.below(at.pushes.length);
          const [push] = at.pushes.splice(index, random.below(3) === 0 ? 0 : 1);
          at.deliver(push ?? at.pushes[index]);
          if (random.below(5) === 0) await settled();
        }
        if (random.below(3) === 0) at.pushes.splice(0, random.below(3));
        if (random.below(6) === 0) at.garbage();
        if (random.below(4) === 0) await at.clock.advance(3000);
      }
      await at.clock.advance(4000);
      expect({ seed, got: at.got, gaps: at.gaps }).toEqual({ seed, got: numbers(at.sent), gaps: [] });
    }
  });

  test('what was trimmed before it could be read is a gap', async () => {
    const at = follow({ bounds: { messages: 4, bytes: 1e9, idleMs: 1e9 } });
    await settled();
    await at.send(2);
    at.deliverAll();
    await at.send(10);
    at.pushes.length = 0;
    await at.clock.advance(3000);
    expect(at.gaps).toEqual(['trimmed']);
    expect(at.got).toEqual([0, 1, 8, 9, 10, 11]);
  });

  test('a log that was rolled back is a gap, and nothing of it comes twice', async () => {
    const at = follow();
    await settled();
    await at.send(6);
    at.deliverAll();
    const state = at.world.logs.get(CHANNEL);
    // As after a failover to a replica that had not got the last two.
    state?.entries.splice(4);
    if (state) state.last = state.entries.at(-1)?.id ?? LOG_START;
    await at.send(2);
    at.deliverAll();
    await settled();
    expect(at.gaps).toEqual(['reset']);
    expect(at.got).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('a log that is empty again is a gap even before something is sent', async () => {
    const at = follow();
    await settled();
    await at.send(2);
    at.deliverAll();
    at.world.forget();
    await at.clock.advance(3000);
    expect(at.gaps).toEqual(['reset']);
    await at.clock.advance(9000);
    await at.send(1);
    at.deliverAll();
    expect(at.got).toEqual([0, 1, 2]);
    expect(at.gaps).toEqual(['reset']);
  });

  test('without an answer it waits, and reads on when the log is in reach again', async () => {
    const at = follow();
    await settled();
    await at.send(2);
    at.pushes.length = 0;
    at.world.reachable = false;
    await at.clock.advance(10_000);
    expect(at.got).toEqual([]);
    at.world.reachable = true;
    await settled();
    expect(at.got).toEqual([0, 1]);
    expect(at.gaps).toEqual([]);
  });
});
