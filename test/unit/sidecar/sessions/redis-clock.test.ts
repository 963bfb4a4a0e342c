import { followRedisClock } from '../../../../sidecar/src/sessions/redis-clock.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const HOUR_MS = 3_600_000;

/** A machine whose wall clock can be set, and Redis, whose clock is right. */
function world() {
  const right = new VirtualClock();
  const machine = { aheadMs: HOUR_MS };
  const clock = followRedisClock({
    monotonicMs: () => right.monotonicMs(),
    wallMs: () => right.wallMs() + machine.aheadMs,
    after: (ms, fn) => right.after(ms, fn),
  });
  const ask = async ({ thereMs = 0, backMs = 0 } = {}) => {
    const askedMs = right.monotonicMs();
    await right.advance(thereMs);
    const saidMs = right.wallMs();
    await right.advance(backMs);
    clock.observe(saidMs, askedMs);
  };
  return { right, machine, clock, ask, offMs: () => clock.wallMs() - right.wallMs() };
}

describe("Redis's clock", () => {
  test("is the machine's own until Redis is heard, and Redis's then", async () => {
    const { clock, ask, offMs } = world();
    expect([clock.heard, offMs()]).toEqual([false, HOUR_MS]);
    await ask({ thereMs: 1, backMs: 1 });
    expect([clock.heard, offMs()]).toEqual([true, 0]);
  });

  test('goes on while Redis is away, however the machine is set', async () => {
    const { right, machine, ask, offMs } = world();
    await ask();
    for (const aheadMs of [-20 * HOUR_MS, 0, 300 * HOUR_MS]) {
      machine.aheadMs = aheadMs;
      await right.advance(10_000);
      expect(offMs()).toBe(0);
    }
  });

  test('is off by half of what the answer took, and a slow one is passed over when a better one came before', async () => {
    const { ask, offMs } = world();
    await ask({ thereMs: 900, backMs: 100 });
    expect(offMs()).toBe(400);
    await ask({ thereMs: 0, backMs: 40 });
    expect(offMs()).toBe(-20);
    await ask({ thereMs: 500, backMs: 0 });
    expect(offMs()).toBe(-20);
  });

  test('follows another Redis whose clock is behind', async () => {
    const { right, clock, ask } = world();
    await ask();
    clock.observe(right.wallMs() - HOUR_MS, right.monotonicMs());
    expect(clock.wallMs()).toBe(right.wallMs() - HOUR_MS);
  });
});
