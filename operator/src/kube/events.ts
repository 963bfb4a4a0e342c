import type { Clock, KubeHttp, Logger } from '@hyperpage/runtime';
import { collectionPath, objectPath } from './resources.ts';
import type { Stored } from './wire.ts';

/** Writes Kubernetes Events, as `kubectl describe` shows them. Never fails, never blocks and never floods. */
export interface EventRecorder {
  /** Notes that `event` happened to `regarding`. The same event again within ten minutes is counted, not written
   *  anew; an object that has too many different ones has the rest dropped. */
  record(regarding: Stored, event: ClusterEvent): void;
  /** Resolves once what was recorded has been written or given up; takes no more. */
  stop(): Promise<void>;
}

export interface ClusterEvent {
  type: 'Normal' | 'Warning';
  /** Why, in CamelCase, such as `LeaderChanged`. */
  reason: string;
  /** What the operator did or saw, in CamelCase, such as `Reconcile`. */
  action: string;
  /** A sentence for people; at most 1024 bytes are kept. No secrets. */
  note: string;
}

export interface EventRecorderOptions {
  http: KubeHttp;
  clock: Clock;
  log: Logger;
  /** This process, such as its pod's name: `reportingInstance`. */
  instance: string;
}

/** `reportingController` of our events. */
export const REPORTING_CONTROLLER = 'hyperpage.dev/operator';

/** Events of one object: so many at once, and one more each so many milliseconds. */
const BURST = 25;
const REFILL_MS = 60_000;
/** After so long without it, an event is news again. */
const SERIES_MS = 600_000;
/** Least time between two writes of one series' count. */
const RECOUNT_MS = 60_000;
/** Events that wait to be written; more are dropped. */
const MOST_WAITING = 200;
const MOST_NOTE_BYTES = 1024;
const WRITE_MS = 5_000;

/** events.k8s.io/v1, not core/v1: the API server itself keeps a series' count and time there, `action` and
 *  `reportingController` have fields, and its rules refuse nonsense. kubectl shows both alike. */
export const createEventRecorder = (options: EventRecorderOptions): EventRecorder => new Recorder(options);

interface Series {
  name: string;
  namespace: string;
  count: number;
  seenAtMs: number;
  writtenAtMs: number;
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new Map<string, Series>();
  readonly #budgets = new Map<string, { left: number; atMs: number }>();
  #waiting = 0;
  #named = 0;
  #writes: Promise<void> = Promise.resolve();
  #stopped = false;
  #lastFailed = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  record(regarding: Stored, event: ClusterEvent): void {
    if (this.#stopped) return;
    const nowMs = this.#options.clock.monotonicMs();
    this.#forget(nowMs);
    const { uid } = regarding.metadata;
    const id = JSON.stringify([uid, event.type, event.reason, event.action, event.note]);
    const known = this.#series.get(id);
    if (known) {
      known.count += 1;
      known.seenAtMs = nowMs;
      if (nowMs - known.writtenAtMs >= RECOUNT_MS) this.#write(() => this.#recount(known, nowMs));
      return;
    }
    if (!this.#allows(uid, nowMs)) return;
    const { name, namespace } = regarding.metadata;
    const series: Series = {
      name: `${name.slice(0, 200)}.${this.#suffix()}`,
      namespace,
      count: 1,
      seenAtMs: nowMs,
      writtenAtMs: nowMs,
    };
    this.#series.set(id, series);
    this.#write(() => this.#create(series, regarding, event));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#writes;
  }

  /** One write after another: events are worth one connection, not more. */
  #write(write: () => Promise<unknown>): void {
    const { log } = this.#options;
    if (this.#waiting >= MOST_WAITING) {
      log.debug({ waiting: this.#waiting }, 'an event was dropped: too many wait');
      return;
    }
    this.#waiting += 1;
    this.#writes = this.#writeAfter(this.#writes, write);
  }

  async #writeAfter(previous: Promise<void>, write: () => Promise<unknown>): Promise<void> {
    await previous;
    try {
      // Who stops does not want to wait for an API server that is not there.
      if (!(this.#stopped && this.#lastFailed)) await write();
      this.#lastFailed = false;
    } catch (err) {
      this.#lastFailed = true;
      this.#options.log.warn({ err }, 'an event could not be written');
    } finally {
      this.#waiting -= 1;
    }
  }

  #create(series: Series, regarding: Stored, event: ClusterEvent): Promise<unknown> {
    const { kind, apiVersion, metadata } = regarding;
    const { name, namespace, uid, resourceVersion } = metadata;
    return this.#options.http.request({
      method: 'POST',
      path: collectionPath('Event', namespace),
      timeoutMs: WRITE_MS,
      body: {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: series.name, namespace },
        eventTime: this.#microTime(),
        reportingController: REPORTING_CONTROLLER,
        reportingInstance: this.#options.instance.slice(0, 128),
        type: event.type,
        reason: event.reason,
        action: event.action,
        note: cutTo(event.note, MOST_NOTE_BYTES),
        regarding: { apiVersion, kind, namespace, name, uid, resourceVersion },
      },
    });
  }

  #recount(series: Series, nowMs: number): Promise<unknown> {
    series.writtenAtMs = nowMs;
    return this.#options.http.request({
      method: 'PATCH',
      path: objectPath('Event', series),
      timeoutMs: WRITE_MS,
      contentType: 'application/merge-patch+json',
      body: { series: { count: series.count, lastObservedTime: this.#microTime() } },
    });
  }

  /** A token bucket for each object, as a loop of changing events must not fill etcd. */
  #allows(uid: string, nowMs: number): boolean {
    const budget = this.#budgets.get(uid) ?? { left: BURST, atMs: nowMs };
    const left = Math.min(BURST, budget.left + (nowMs - budget.atMs) / REFILL_MS);
    const allowed = left >= 1;
    this.#budgets.set(uid, { left: allowed ? left - 1 : left, atMs: nowMs });
    if (!allowed) this.#options.log.debug({ uid }, 'an event was dropped: its object has too many');
    return allowed;
  }

  #forget(nowMs: number): void {
    for (const [id, series] of this.#series) if (nowMs - series.seenAtMs > SERIES_MS) this.#series.delete(id);
    for (const [uid, budget] of this.#budgets) {
      if (nowMs - budget.atMs > BURST * REFILL_MS) this.#budgets.delete(uid);
    }
  }

  /** Makes names unique: wall time and a count. */
  #suffix(): string {
    this.#named += 1;
    return `${Math.floor(this.#options.clock.wallMs()).toString(16)}${this.#named.toString(16).padStart(4, '0')}`;
  }

  /** MicroTime wants six digits. */
  #microTime(): string {
    return new Date(this.#options.clock.wallMs()).toISOString().replace('Z', '000Z');
  }
}

const cutTo = (text: string, bytes: number): string => {
  const buffer = Buffer.from(text);
  // A cut in the middle of a character leaves a replacement character: drop it.
  return buffer.length <= bytes
    ? text
    : buffer
        .subarray(0, bytes)
        .toString('utf8')
        .replace(/\uFFFD+$/, '');
};
