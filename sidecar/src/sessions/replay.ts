import { backoffMs, type Clock, type Logger, sleep, type Timer } from '@hyperpage/runtime';
import type { Journal, JournalEntry } from './journal.ts';
import type { FallbackMetrics } from './metrics.ts';
import { TOMBSTONE_MS } from './operation.ts';
import type { Merged, SessionTarget } from './target.ts';

export interface ReplayOptions {
  journal: Journal;
  remote: SessionTarget;
  clock: Clock;
  random: () => number;
  log: Logger;
  metrics: FallbackMetrics;
  /** Redis has all of the session now. */
  onSettled: (sessionId: string, outcome: Merged) => void;
  /** Has other pods hold the session as well. */
  share: (sessionId: string, entry: JournalEntry) => Promise<unknown>;
}

/** Shorter than a tombstone: what was removed elsewhere meanwhile stays removed (S2). */
const JOURNAL_MAX_AGE_MS = TOMBSTONE_MS - 3_600_000;
const RETRY = { baseMs: 250, maxMs: 5000 };
/** After a write that failed Redis is not tried again for a request. */
const PAUSE_MS = 250;
/** Sessions replayed at the same time, so that their writes commit in groups. */
const PARALLEL = 32;
/** On closing, what no other pod holds gets this long: a failover, or a restart of Redis beside us, takes about ten
 *  seconds. What stands before it in the shutdown takes a few more; `main.ts` gives room for both. */
const FLUSH_MS = 15_000;
const FLUSH_RETRY_MS = 250;

/** Gives the journal to Redis, sessions side by side. Every pod that holds a session does, and again where it cannot
 *  tell whether it was done: joining in twice changes nothing. */
export class Replay {
  readonly #options: ReplayOptions;
  #running: Promise<void> | undefined;
  #retry: Timer | undefined;
  #attempts = 0;
  #pauseUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** Starts now, unless it runs or there is nothing to do. */
  start(): Promise<void> {
    this.#retry?.cancel();
    this.#retry = undefined;
    if (this.#options.journal.size === 0) return Promise.resolve();
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Starts before long: nobody may tell that Redis is back when only writes were refused. */
  schedule(): void {
    const { clock, random } = this.#options;
    this.#retry ??= clock.after(backoffMs(this.#attempts, RETRY, random), () => void this.start());
  }

  /** Redis did not do something just now. */
  pause(): void {
    this.#pauseUntilMs = this.#options.clock.monotonicMs() + PAUSE_MS;
  }

  /** Redis was there lately, as far as is known. */
  worthTrying(): boolean {
    const { remote, clock } = this.#options;
    return remote.ready().ready && clock.monotonicMs() >= this.#pauseUntilMs;
  }

  /** Gives Redis one session, for a request that waits. True when nothing of it is in the journal any more. */
  settle(sessionId: string): true | Promise<boolean> {
    return this.#options.journal.get(sessionId) ? this.#settle(sessionId) : true;
  }

  async #settle(sessionId: string): Promise<boolean> {
    const { journal } = this.#options;
    for (let entry = journal.get(sessionId); entry; entry = journal.get(sessionId)) {
      if (!this.worthTrying() || !(await this.#give(sessionId, entry))) return false;
    }
    return true;
  }

  /** Tries again and again until Redis or other pods have all of it or FLUSH_MS have passed: what is left then is lost,
   *  and counted. */
  async flush(): Promise<void> {
    const { journal, clock, log, metrics, share } = this.#options;
    const untilMs = clock.monotonicMs() + FLUSH_MS;
    await this.start();
    // Those that were to hold it may be gone by now: everybody is asked again.
    for (const [sessionId, entry] of this.#entries()) await share(sessionId, entry);
    const alone = () => this.#entries().filter(([, { peers }]) => peers === 0).length;
    for (let leftMs = FLUSH_MS; alone() > 0 && leftMs > 0; leftMs = untilMs - clock.monotonicMs()) {
      await Promise.race([this.start(), sleep(clock, leftMs)]);
      if (alone() > 0) await sleep(clock, FLUSH_RETRY_MS);
    }
    this.#retry?.cancel();
    const sessions = alone();
    if (sessions > 0) {
      metrics.dropped.inc({ reason: 'stopped' }, sessions);
      log.error({ sessions }, 'session writes are lost: Redis was not back before the end');
    } else if (journal.size > 0) {
      log.info({ sessions: journal.size }, 'session writes are left to other pods until Redis is back');
    }
  }

  #entries(): Array<[string, JournalEntry]> {
    const { journal } = this.#options;
    return journal.sessionIds().flatMap((sessionId) => {
      const entry = journal.get(sessionId);
      return entry ? [[sessionId, entry]] : [];
    });
  }

  async #run(): Promise<void> {
    const { journal, log, share } = this.#options;
    const before = journal.size;
    const queue = this.#entries();
    let stopped = false;
    const worker = async () => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        const [sessionId, entry] = next;
        if (!stopped && !(await this.#give(sessionId, entry))) stopped = true;
        // While Redis is away, at least nobody is alone with it.
        if (stopped && entry.peers === 0 && journal.get(sessionId) === entry) await share(sessionId, entry);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    if (journal.size === 0) log.info({ sessions: before }, 'sessions written back to Redis');
    this.#attempts = journal.size < before ? 0 : this.#attempts + 1;
    if (journal.size > 0) this.schedule();
  }

  /** False: Redis did not take it, and it stays in the journal. */
  async #give(sessionId: string, entry: JournalEntry): Promise<boolean> {
    const { journal, remote, clock, metrics, log, onSettled } = this.#options;
    if (clock.monotonicMs() - entry.sinceMs > JOURNAL_MAX_AGE_MS) {
      journal.settle(sessionId, entry);
      metrics.dropped.inc({ reason: 'too-old' });
      return true;
    }
    const outcome = await remote.merge(sessionId, entry.held);
    if (outcome.kind === 'unavailable' || outcome.kind === 'not-acknowledged') {
      this.pause();
      return false;
    }
    journal.settle(sessionId, entry);
    if (outcome.kind === 'ok' || entry.held.kind === 'gone') metrics.replayed.inc();
    else {
      metrics.dropped.inc({ reason: outcome.kind });
      log.warn({ outcome: outcome.kind }, 'a session from the journal had no place');
    }
    onSettled(sessionId, outcome);
    return true;
  }
}
