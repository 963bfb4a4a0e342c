import type { Connection } from '../connection.ts';
import type { ServerSentEvent } from '../sse.ts';
import { openSubscription, type Subscription } from '../subscription.ts';
import type { LeaderView } from '../wire.ts';

/** Time, passed in so that tests can hold it still. */
export interface LeadershipClock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Calls `fn` once after `delayMs`; gives a way to call it off. */
  after(delayMs: number, fn: () => void): () => void;
}

const systemClock: LeadershipClock = {
  now: () => performance.now(),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Shortest time between two questions to the sidecar, in milliseconds. */
const MIN_REFRESH_MS = 50;
/** Time between questions while they fail and this pod does not lead, in milliseconds. */
const RETRY_MS = 1000;

/** A reign ends so long before its validity does: what is under way has to stop in time. In milliseconds. */
const EXPIRING_MS = 25;

/** A time in which this pod may act as leader. */
export interface Reign {
  /** Its fencing token: pass it with what you write. */
  readonly term: number;
  /** Aborts when this pod may not act any more, a moment before its validity ends. */
  readonly signal: AbortSignal;
}

/** What this pod knows of the leader, kept fresh.
 *
 *  1. `isLeader()` is true only until the validity that a *question* brought has passed, counted from when that
 *     question was sent: an event may have lain in a buffer while this process stood still, so that an event can end
 *     leadership here but never begin or prolong it.
 *  2. An answer to a question that was sent before the last event is dropped and asked for again; of two questions
 *     under way at once, the later one's answer stands.
 *  3. Half-way through its validity a leader asks again.
 *  4. A reign ends with its validity, an event or another term, and never comes back: leading again is another reign. */
export class Leadership {
  readonly #sidecar: Connection;
  readonly #onError: (error: unknown) => void;
  readonly #clock: LeadershipClock;
  readonly #listeners = new Set<(view: LeaderView) => void>();
  #subscription: Subscription | undefined;
  #view: LeaderView | undefined;
  #validUntil = Number.NEGATIVE_INFINITY;
  #events = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking = false;
  #cancelTimer: () => void = () => {};
  #reign: { term: number; ending: AbortController } | undefined;
  #cancelExpiry: () => void = () => {};

  constructor(sidecar: Connection, onError: (error: unknown) => void, clock: LeadershipClock = systemClock) {
    this.#sidecar = sidecar;
    this.#onError = onError;
    this.#clock = clock;
  }

  /** Follows the sidecar's events from now on. */
  start(): void {
    this.#subscription ??= openSubscription({
      open: (headers, signal) => this.#sidecar.stream('/v1/leader/events', headers, signal),
      onEvent: (event) => this.#onEvent(event),
      onError: this.#onError,
    });
  }

  stop(): void {
    this.#subscription?.close();
    this.#subscription = undefined;
    this.#cancelTimer();
    this.#view = undefined;
    this.#validUntil = Number.NEGATIVE_INFINITY;
    this.#endReign('the coordinator was closed');
  }

  /** The reign of this pod, now or as soon as it has one; undefined when `signal` aborts first. */
  reign(signal: AbortSignal): Promise<Reign | undefined> {
    return new Promise((resolve) => {
      const settle = (reign: Reign | undefined) => {
        end();
        signal.removeEventListener('abort', giveUp);
        resolve(reign);
      };
      const giveUp = () => settle(undefined);
      const look = () => {
        if (this.#reign) settle({ term: this.#reign.term, signal: this.#reign.ending.signal });
      };
      const end = this.onChange(look);
      signal.addEventListener('abort', giveUp, { once: true });
      if (signal.aborted) giveUp();
      else look();
    });
  }

  /** Whether this pod may act as leader at this moment. */
  isLeader(): boolean {
    return this.#view?.isLeader === true && this.#clock.now() < this.#validUntil;
  }

  /** What was last heard. */
  get view(): LeaderView | undefined {
    return this.#view;
  }

  /** Asks the sidecar now. @throws HyperpageError */
  async ask(): Promise<LeaderView> {
    for (;;) {
      const events = this.#events;
      const sentAt = this.#clock.now();
      const view = await this.#sidecar.json<LeaderView>('GET', '/v1/leader');
      if (events !== this.#events) continue; // Rule 2.
      if (sentAt >= this.#askedAt) {
        this.#askedAt = sentAt;
        this.#take(view, view.isLeader ? sentAt + view.validForMs : Number.NEGATIVE_INFINITY);
      }
      return view;
    }
  }

  /** Calls `listener` when the leader, the term or this pod's part in it changes. Gives a way to end that. */
  onChange(listener: (view: LeaderView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #onEvent(event: ServerSentEvent): void {
    const view = JSON.parse(event.data) as LeaderView;
    this.#events += 1;
    if (view.isLeader) void this.#refresh();
    else this.#take(view, Number.NEGATIVE_INFINITY);
  }

  #take(view: LeaderView, validUntil: number): void {
    const before = this.#view;
    this.#view = view;
    this.#validUntil = validUntil;
    this.#setReign(view, validUntil);
    if (view.isLeader) this.#refreshAfter((validUntil - this.#clock.now()) / 2);
    else this.#cancelTimer();
    if (before?.leader === view.leader && before.term === view.term && before.isLeader === view.isLeader)
      return;
    for (const listener of this.#listeners) listener(view);
  }

  #setReign(view: LeaderView, validUntil: number): void {
    const leftMs = validUntil - this.#clock.now() - EXPIRING_MS;
    if (!view.isLeader || leftMs <= 0) return this.#endReign('this pod does not lead any more');
    if (this.#reign?.term !== view.term) {
      this.#endReign('this pod leads under another term');
      this.#reign = { term: view.term, ending: new AbortController() };
    }
    this.#cancelExpiry();
    this.#cancelExpiry = this.#clock.after(leftMs, () => this.#endReign('validity is about to end'));
  }

  #endReign(why: string): void {
    this.#cancelExpiry();
    const { ending } = this.#reign ?? {};
    this.#reign = undefined;
    ending?.abort(new DOMException(`leadership ended: ${why}`, 'AbortError'));
  }

  async #refresh(): Promise<void> {
    if (this.#asking) return; // Rule 2 makes the one under way ask again.
    this.#asking = true;
    try {
      await this.ask();
    } catch (error) {
      this.#onError(error);
      const leftMs = this.#validUntil - this.#clock.now();
      this.#refreshAfter(leftMs > 0 ? leftMs / 2 : RETRY_MS);
    } finally {
      this.#asking = false;
    }
  }

  #refreshAfter(delayMs: number): void {
    this.#cancelTimer();
    if (this.#subscription === undefined) return;
    this.#cancelTimer = this.#clock.after(Math.max(MIN_REFRESH_MS, delayMs), () => void this.#refresh());
  }
}
