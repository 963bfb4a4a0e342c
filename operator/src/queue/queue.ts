import { backoffMs, type Clock, type Timer } from '@hyperpage/runtime';
import type { Outcome, WorkQueue, WorkQueueOptions } from './types.ts';

const DEFAULTS = { workers: 2, backoff: { baseMs: 500, maxMs: 60_000 } };

export const createWorkQueue = (options: WorkQueueOptions): WorkQueue => new KeyedQueue(options);

class KeyedQueue implements WorkQueue {
  readonly #options: WorkQueueOptions & typeof DEFAULTS;
  readonly #clock: Clock;
  /** Keys that wait for a worker, in the order of their turns, with the time since when. */
  readonly #ready = new Map<string, number>();
  /** Keys whose turn is under way, with the time since when. A key is never in two turns. */
  readonly #running = new Map<string, number>();
  /** Keys that were added during their turn. */
  readonly #again = new Set<string>();
  /** At most one delay for a key: the earliest. A turn does not cancel it, as it may stand for another reason. */
  readonly #delayed = new Map<string, { atMs: number; timer: Timer }>();
  /** Failures in a row. */
  readonly #failures = new Map<string, number>();
  readonly #aborting = new AbortController();
  #stopped = false;
  #waiters: Array<() => void> = [];

  constructor(options: WorkQueueOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#clock = options.clock;
  }

  add(key: string): void {
    if (this.#stopped) return;
    this.#options.observer?.added?.();
    if (this.#running.has(key)) this.#again.add(key);
    else if (!this.#ready.has(key)) this.#ready.set(key, this.#clock.monotonicMs());
    this.#fill();
  }

  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return;
    if (delayMs <= 0) return this.add(key);
    const atMs = this.#clock.monotonicMs() + delayMs;
    const planned = this.#delayed.get(key);
    if (planned && planned.atMs <= atMs) return;
    planned?.timer.cancel();
    const due = () => {
      this.#delayed.delete(key);
      this.add(key);
    };
    this.#delayed.set(key, { atMs, timer: this.#clock.after(delayMs, due) });
  }

  get depth(): number {
    return this.#ready.size + this.#again.size;
  }

  longestRunningMs(): number {
    const nowMs = this.#clock.monotonicMs();
    return Math.max(0, ...[...this.#running.values()].map((sinceMs) => nowMs - sinceMs));
  }

  async idle(): Promise<void> {
    while (this.#ready.size > 0 || this.#running.size > 0) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  async stop({ graceMs }: { graceMs?: number } = {}): Promise<void> {
    this.#stopped = true;
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    this.#ready.clear();
    this.#again.clear();
    const abort = () => this.#aborting.abort(new Error('the queue is stopping'));
    const limit = graceMs === undefined ? undefined : this.#clock.after(graceMs, abort);
    await this.idle();
    limit?.cancel();
  }

  #fill(): void {
    for (const [key, readyAtMs] of this.#ready) {
      if (this.#running.size >= this.#options.workers) return;
      this.#ready.delete(key);
      void this.#turn(key, readyAtMs);
    }
  }

  async #turn(key: string, readyAtMs: number): Promise<void> {
    const { observer, log } = this.#options;
    const startedAtMs = this.#clock.monotonicMs();
    this.#running.set(key, startedAtMs);
    observer?.started?.(startedAtMs - readyAtMs);
    let result: Outcome['kind'] | 'failed' = 'failed';
    try {
      const outcome = await this.#options.work(key, this.#aborting.signal);
      result = outcome.kind;
      this.#failures.delete(key);
      if (outcome.kind === 'requeue') this.addAfter(key, outcome.afterMs);
    } catch (err) {
      const retryMs = this.#retryMs(key, err);
      log.warn({ err, key, failures: this.#failures.get(key), retryMs }, 'a turn failed; trying again');
      this.addAfter(key, retryMs);
    } finally {
      this.#running.delete(key);
      observer?.finished?.(this.#clock.monotonicMs() - startedAtMs, result);
      if (this.#again.delete(key)) this.#ready.set(key, this.#clock.monotonicMs());
      this.#fill();
      for (const resolve of this.#waiters.splice(0)) resolve();
    }
  }

  #retryMs(key: string, error: unknown): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const asked = (error as { retryAfterMs?: unknown } | undefined)?.retryAfterMs;
    return Math.max(
      backoffMs(failures, this.#options.backoff, this.#options.random),
      typeof asked === 'number' ? asked : 0,
    );
  }
}
