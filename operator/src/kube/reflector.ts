import type { Clock, KubeHttp, Logger } from '@hyperpage/runtime';
import type { Cache, Change } from './cache.ts';
import type { Kind } from './wire.ts';

/** Keeps a cache equal to what the API server holds of one kind: a list, then a watch that resumes where it broke off.
 *  Nothing makes it give up: every failure is logged, waited out and tried again, until `stop`. */
export interface Reflector<K extends Kind = Kind> {
  readonly kind: K;
  readonly cache: Cache<K>;
  /** Begins. Once. */
  start(): void;
  /** True once the first list is in the cache and its changes have been given to the listeners. */
  hasSynced(): boolean;
  /** Resolves when `hasSynced`; rejects with the signal's reason, or when the reflector is stopped before. */
  synced(signal?: AbortSignal): Promise<void>;
  /** Calls `listener` after each change of the cache, in order, synchronously; gives the function that unsubscribes.
   *  A listener's error is logged and reaches nobody else. Late listeners are not told of what is already there. */
  onChange(listener: (change: Change<K>) => void): () => void;
  /** Milliseconds since the API server was last heard (list, event, bookmark): the age of the observation.
   *  Infinity before the first list. While the watch is quiet but healthy it stays under about a minute (bookmarks). */
  heardAgoMs(): number;
  /** Stops for good: ends the request under way, leaves no timer. The cache keeps what it has. */
  stop(): Promise<void>;
}

export interface ReflectorOptions<K extends Kind> {
  http: KubeHttp;
  kind: K;
  clock: Clock;
  /** Gives numbers in [0, 1). */
  random: () => number;
  log: Logger;
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Objects in one page of a list. Default 500. */
  pageSize?: number;
  /** Longest silence of a watch before it is cut and resumed, in milliseconds. Bookmarks come about once a minute.
   *  Default 90,000. */
  stallMs?: number;
  /** Shortest life of a watch, in milliseconds; the longest is twice that. Default 300,000. */
  watchMs?: number;
  /** Delay after a failure. Default 500 ms to 30 s. */
  backoff?: { baseMs: number; maxMs: number };
  observer?: ReflectorObserver;
}

/** Where a reflector reports, for metrics. All optional. */
export interface ReflectorObserver {
  /** A list began; `full` is false for a relist after 410. */
  listed?(kind: Kind, reason: 'first' | 'expired'): void;
  /** A watch ended and another begins. */
  watchEnded?(kind: Kind, reason: WatchEnd): void;
}

/** Why a watch ended: at the time it asked for, too old (410), throttled (429), silent, or anything else. */
export type WatchEnd = 'timeout' | 'expired' | 'throttled' | 'stalled' | 'failed';
