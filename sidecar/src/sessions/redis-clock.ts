import type { Clock } from '@hyperpage/runtime';

/** A clock whose wall time is Redis's, as far as Redis was heard. */
export interface RedisClock extends Clock {
  /** Whether it is. */
  readonly heard: boolean;
  /** By how much it may be off, in milliseconds; 0 where Redis was not heard. */
  uncertaintyMs(): number;
  /** Redis said that it is `redisMs`, when it was asked at `askedMs` of the monotonic clock; or a pod that has heard it, and
   *  is off by `offMs` at most. */
  observe(redisMs: number, askedMs: number, offMs?: number): void;
}

/** How far the monotonic clocks of two machines drift apart: NTP holds their rates within a few ppm of each other (the
 *  frequency error that RFC 5905 lets stand is 15 ppm, PHI). An hour without Redis makes 72 ms of it. */
const DRIFT = 2e-5;

/** The time that all pods of a cluster share: what Redis said, carried on by this machine's monotonic clock. While Redis is
 *  away pods order their writes by it, so that neither a clock that is wrong nor one that jumps has a say; before Redis
 *  was ever heard it is the machine's own. */
export function followRedisClock(clock: Clock): RedisClock {
  /** `offsetMs`: what to add to the monotonic clock. */
  let known: { offsetMs: number; errorMs: number; atMs: number } | undefined;
  const uncertaintyMs = () => (known ? known.errorMs + (clock.monotonicMs() - known.atMs) * DRIFT : 0);
  return {
    get heard() {
      return known !== undefined;
    },
    uncertaintyMs,
    monotonicMs: () => clock.monotonicMs(),
    wallMs: () => (known ? Math.round(clock.monotonicMs() + known.offsetMs) : clock.wallMs()),
    after: (ms, fn) => clock.after(ms, fn),
    observe(redisMs, askedMs, offMs = 0) {
      const nowMs = clock.monotonicMs();
      // It was said at some moment between.
      const halfMs = (nowMs - askedMs) / 2;
      const errorMs = halfMs + offMs;
      const offsetMs = redisMs + halfMs - nowMs;
      const fits = known && Math.abs(offsetMs - known.offsetMs) <= errorMs + uncertaintyMs() + 1;
      // Another Redis may have another time.
      if (!fits || errorMs < uncertaintyMs()) known = { offsetMs, errorMs, atMs: nowMs };
    },
  };
}
