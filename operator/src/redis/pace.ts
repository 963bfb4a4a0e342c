import type { Clock, Timer } from '@hyperpage/runtime';

/** Shortest pause between two calls, in milliseconds. */
const BREATH_MS = 500;

/** Calls `fn` every `intervalMs`, counted from the start of one call to the start of the next: a look that waits for a
 *  server that hangs would else put off the next one, and what is told in that time would be twice as old. Calls never
 *  overlap; errors go to `onError`. The first call is after `intervalMs`. */
export function atPace(
  clock: Clock,
  intervalMs: number,
  fn: () => Promise<void>,
  onError: (error: unknown) => void,
): Timer {
  let stopped = false;
  let timer: Timer;
  const turn = async () => {
    const begunMs = clock.monotonicMs();
    try {
      await fn();
    } catch (error) {
      onError(error);
    }
    const leftMs = begunMs + intervalMs - clock.monotonicMs();
    if (!stopped) timer = clock.after(Math.max(BREATH_MS, leftMs), () => void turn());
  };
  timer = clock.after(intervalMs, () => void turn());
  return {
    cancel: () => {
      stopped = true;
      timer.cancel();
    },
  };
}
