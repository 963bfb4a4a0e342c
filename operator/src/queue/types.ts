import type { BackoffOptions, Clock, Logger } from '@hyperpage/runtime';

/** How a turn of work on a key ended, when it did not throw. */
export type Outcome = { kind: 'settled' } | { kind: 'requeue'; afterMs: number };

/** A queue of keys, not of messages: a key that is added many times before its turn gets one turn, one turn of a key
 *  runs at a time, and a key added during its turn gets another one after it. So nothing that happens is missed and
 *  nothing is done twice at once. */
export interface WorkQueue {
  /** Asks for a turn of `key` as soon as possible, whatever backoff it is in. */
  add(key: string): void;
  /** Asks for a turn within `delayMs`; of several delays the earliest counts. */
  addAfter(key: string, delayMs: number): void;
  /** Keys that wait for a worker now. */
  readonly depth: number;
  /** How long the longest turn under way has been running, in milliseconds; 0 when none is. */
  longestRunningMs(): number;
  /** Resolves when no key waits or is worked on; delayed keys do not count. */
  idle(): Promise<void>;
  /** Takes no more keys, forgets those that wait, and resolves when the turns under way have ended. The signal that
   *  turns were given is aborted after `graceMs` (default: never). */
  stop(options?: { graceMs?: number }): Promise<void>;
}

export interface WorkQueueOptions {
  /** One turn. Throwing makes another turn after a delay that grows with every failure in a row of this key. */
  work(key: string, signal: AbortSignal): Promise<Outcome>;
  clock: Clock;
  /** Gives numbers in [0, 1). */
  random: () => number;
  log: Logger;
  /** Turns at the same time. Default 2. */
  workers?: number;
  /** Default 500 ms to 60 s. A thrown error's `retryAfterMs`, when it has one, is the least delay. */
  backoff?: BackoffOptions;
  observer?: QueueObserver;
}

/** Where the queue reports, for metrics; `depth` and `longestRunningMs` are read from the queue. All optional. */
export interface QueueObserver {
  added?(): void;
  /** A turn began, `waitedMs` after its key was ready. */
  started?(waitedMs: number): void;
  finished?(durationMs: number, result: 'settled' | 'requeue' | 'failed'): void;
}
