import type { Clock } from '@hyperpage/runtime';

const NOBODY = () => {};

/** Waits for answers no longer than `ms`, each from when it was asked for. All have the same patience, so the oldest is the
 *  first to lose it: one timer serves them all, which costs a call on the hot path next to nothing. */
export function createPatience(clock: Clock, ms: number, problem: string) {
  type Waiting = { untilMs: number; reject: (error: Error) => void; done: boolean };
  let waiting: Waiting[] = [];
  let isTiming = false;

  const look = () => {
    const nowMs = clock.monotonicMs();
    let first = 0;
    for (; first < waiting.length; first++) {
      const { done, untilMs, reject } = waiting[first] as Waiting;
      if (!done && untilMs > nowMs) break;
      if (!done) reject(new Error(problem));
    }
    waiting = waiting.slice(first).filter(({ done }) => !done);
    const [next] = waiting;
    isTiming = next !== undefined;
    if (next) clock.after(next.untilMs - nowMs, look);
  };

  return {
    /** `answer`, or an error when it takes longer. What is waited for goes on. */
    of: <T>(answer: Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        const one: Waiting = { untilMs: clock.monotonicMs() + ms, reject, done: false };
        const settle =
          <V>(how: (value: V) => void) =>
          (value: V) => {
            one.done = true;
            // It may stand in the list for a while yet, and must not keep the answer alive.
            one.reject = NOBODY;
            how(value);
          };
        answer.then(settle(resolve), settle(reject));
        waiting.push(one);
        if (isTiming) return;
        isTiming = true;
        clock.after(ms, look);
      }),
  };
}
