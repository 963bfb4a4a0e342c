/** Time, passed in: decisions take `now` as a number; drivers take a Clock, and a simulator gives them a virtual one. */
export interface Clock {
  /** Milliseconds on a clock that never goes back or jumps; its zero means nothing. For durations and deadlines. */
  monotonicMs(): number;
  /** Milliseconds since the epoch. For what people and other machines read; never for deciding. */
  wallMs(): number;
  /** Calls `fn` once after `delayMs`. Does not keep the process alive. */
  after(delayMs: number, fn: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Calls `fn` every `intervalMs`, counted from the end of one call to the start of the next; errors go to `onError`. */
export function every(
  clock: Clock,
  intervalMs: number,
  fn: () => Promise<void> | void,
  onError: (error: unknown) => void,
): Timer {
  let stopped = false;
  let timer: Timer;
  const turn = async () => {
    try {
      await fn();
    } catch (error) {
      onError(error);
    }
    if (!stopped) timer = clock.after(intervalMs, () => void turn());
  };
  timer = clock.after(intervalMs, () => void turn());
  return {
    cancel: () => {
      stopped = true;
      timer.cancel();
    },
  };
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export const sleep = (clock: Clock, ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });

/** `answer`, or the error `problem` when it takes longer than `ms`. What is waited for goes on. */
export async function within<T>(clock: Clock, ms: number, answer: Promise<T>, problem: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(ms, () => late.reject(new Error(problem)));
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    timer.cancel();
  }
}
