import type { Clock, Timer } from '@hyperpage/runtime';

/** A clock that moves only when told to, so that a test of timing needs no time. */
export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #wallOffsetMs: number;
  #order = 0;
  readonly #timers = new Set<{ atMs: number; order: number; fn: () => void }>();

  constructor({ monotonicMs = 1000, wallMs = Date.UTC(2030, 0, 1) } = {}) {
    this.#nowMs = monotonicMs;
    this.#wallOffsetMs = wallMs - monotonicMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }
  wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }
  after(delayMs: number, fn: () => void): Timer {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fn };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Timers that still wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, from now; undefined when none waits. */
  get nextInMs(): number | undefined {
    const next = this.#next();
    return next && next.atMs - this.#nowMs;
  }

  /** Moves on by `ms`, running what falls due in the order of its times; after each timer, promises settle before the
   *  next one runs, and timers that they start count too. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    for (let next = this.#next(); next && next.atMs <= untilMs; next = this.#next()) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fn();
      await settled();
    }
    this.#nowMs = untilMs;
  }

  #next() {
    let first: { atMs: number; order: number; fn: () => void } | undefined;
    for (const timer of this.#timers) {
      if (!first || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order))
        first = timer;
    }
    return first;
  }
}

/** Resolves when every promise that can settle without I/O or time has settled. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
