import { type Clock, type KubeHttp, type Logger, sleep } from '@hyperpage/runtime';
import { type Cache, type Change, WritableCache } from './cache.ts';
import { listObjects, selectorsOf, trimmed } from './list.ts';
import { NO_FAILURES, recover, type WatchEnd } from './recovery.ts';
import { collectionPath, keyOf } from './resources.ts';
import { linesOf, noting, parseEvent, watchdog } from './watch.ts';
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
  /** A list begins: the first one, or a new one because the watch could not go on from where it was. */
  listing?(kind: Kind, reason: 'first' | 'relist'): void;
  /** A watch is over, or a list or watch could not be had. */
  ended?(kind: Kind, end: WatchEnd): void;
}

export const createReflector = <K extends Kind>(options: ReflectorOptions<K>): Reflector<K> =>
  new ListWatch(options);

const DEFAULTS = { stallMs: 90_000, watchMs: 300_000, backoff: { baseMs: 500, maxMs: 30_000 } };

class ListWatch<K extends Kind> implements Reflector<K> {
  readonly kind: K;
  readonly cache = new WritableCache<K>();
  readonly #options: ReflectorOptions<K> & typeof DEFAULTS;
  readonly #listeners = new Set<(change: Change<K>) => void>();
  readonly #stopping = new AbortController();
  readonly #firstList = Promise.withResolvers<void>();
  /** Version from which a watch can go on; undefined when only a list will do. */
  #resourceVersion: string | undefined;
  #isSynced = false;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #streak = NO_FAILURES;
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions<K>) {
    this.kind = options.kind;
    this.#options = { ...DEFAULTS, ...options };
    this.#firstList.promise.catch(() => {}); // Nobody has to wait for it.
  }

  start(): void {
    this.#running ??= this.#run();
  }
  hasSynced(): boolean {
    return this.#isSynced;
  }
  synced(signal?: AbortSignal): Promise<void> {
    return signal ? orAborted(this.#firstList.promise, signal) : this.#firstList.promise;
  }
  onChange(listener: (change: Change<K>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  heardAgoMs(): number {
    return this.#options.clock.monotonicMs() - this.#heardAtMs;
  }
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'));
    this.#firstList.reject(new Error(`the reflector of ${this.kind} was stopped before its first list`));
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list();
        await this.#watch();
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        const waitMs = this.#failed(error);
        if (waitMs > 0) await sleep(this.#options.clock, waitMs, this.#stopping.signal).catch(() => {});
      }
    }
  }

  async #list(): Promise<void> {
    const { http, log, observer } = this.#options;
    observer?.listing?.(this.kind, this.#isSynced ? 'relist' : 'first');
    const listed = await listObjects(http, this.kind, { ...this.#options, signal: this.#stopping.signal });
    this.#heard();
    // Deletions first: a listener that counts what exists must never count too much.
    const names = new Set(listed.items.map((item) => keyOf(item.metadata)));
    for (const gone of this.cache.without(names)) this.#tell(this.cache.remove(gone));
    for (const item of listed.items) this.#tell(this.cache.put(item));
    this.#resourceVersion = listed.resourceVersion;
    if (!this.#isSynced)
      log.info({ kind: this.kind, objects: this.cache.size }, 'the first list is in the cache');
    this.#isSynced = true;
    this.#firstList.resolve();
  }

  /** Takes in one watch; returns when it ends as asked. @throws StallError, KubeError, or what else broke it. */
  async #watch(): Promise<void> {
    const { clock, random, stallMs, watchMs, backoff, observer } = this.#options;
    const timeoutMs = watchMs * (1 + random());
    const startedAtMs = clock.monotonicMs();
    const livedMs = () => clock.monotonicMs() - startedAtMs;
    const silence = watchdog(clock, stallMs, this.#stopping.signal);
    const alive = () => {
      silence.feed();
      this.#heard();
    };
    try {
      const stream = await this.#open(timeoutMs, silence.signal);
      alive();
      for await (const line of linesOf(noting(stream, alive))) this.#take(line);
    } catch (error) {
      if (livedMs() > backoff.maxMs) this.#streak = NO_FAILURES;
      throw silence.signal.aborted ? silence.signal.reason : error;
    } finally {
      silence.cancel();
    }
    if (livedMs() < timeoutMs / 2) throw new Error('the watch ended before its time');
    this.#streak = NO_FAILURES;
    observer?.ended?.(this.kind, 'timeout');
  }

  #open(timeoutMs: number, signal: AbortSignal) {
    return this.#options.http.stream({
      method: 'GET',
      path: collectionPath(this.kind, this.#options.namespace),
      query: {
        ...selectorsOf(this.#options),
        watch: true,
        allowWatchBookmarks: true,
        timeoutSeconds: Math.ceil(timeoutMs / 1000),
        resourceVersion: this.#resourceVersion,
      },
      timeoutMs: Math.min(this.#options.stallMs, 30_000),
      signal,
    });
  }

  #take(line: string): void {
    const event = parseEvent<K>(line);
    if (!event) return;
    this.#streak = NO_FAILURES;
    if (event.type === 'bookmark') {
      this.#resourceVersion = event.resourceVersion;
      return;
    }
    const object = trimmed(this.kind, event.object);
    this.#resourceVersion = object.metadata.resourceVersion;
    this.#tell(event.type === 'put' ? this.cache.put(object) : this.cache.remove(object));
  }

  #tell(changes: readonly Change<K>[]): void {
    for (const change of changes) {
      for (const listener of this.#listeners) {
        try {
          listener(change);
        } catch (err) {
          const key = keyOf(change.object.metadata);
          this.#options.log.error(
            { err, kind: this.kind, change: change.type, key },
            'a listener of changes failed',
          );
        }
      }
    }
  }

  /** Gives the time to wait before going on, in milliseconds. */
  #failed(error: unknown): number {
    const { log, observer } = this.#options;
    const { end, relist, waitMs, streak } = recover(error, this.#streak, this.#options);
    this.#streak = streak;
    if (relist) this.#resourceVersion = undefined;
    observer?.ended?.(this.kind, end);
    const why = error instanceof Error ? error.message : String(error);
    // Kinds in which nothing happens stall every now and then: servers may leave out bookmarks.
    const level = end === 'stalled' ? 'debug' : end === 'expired' ? 'info' : 'warn';
    log[level](
      { kind: this.kind, end, why, relist, waitMs, failures: streak.failures },
      'a list or watch broke off; going on',
    );
    return waitMs;
  }

  #heard(): void {
    this.#heardAtMs = this.#options.clock.monotonicMs();
  }
}

const orAborted = (promise: Promise<void>, signal: AbortSignal): Promise<void> => {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener('abort', onAbort));
};
