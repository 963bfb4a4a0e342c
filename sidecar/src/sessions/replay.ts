import { backoffMs, type Clock, type Logger, sleep, type Timer } from '@hyperpage/runtime';
import type { Journal, JournalEntry } from './journal.ts';
import type { FallbackMetrics } from './metrics.ts';
import { type Operation, TOMBSTONE_MS } from './operation.ts';
import type { Applied, SessionTarget } from './target.ts';

export interface ReplayOptions {
  journal: Journal;
  remote: SessionTarget;
  clock: Clock;
  random: () => number;
  log: Logger;
  metrics: FallbackMetrics;
  /** The last operation of a session in the journal is settled. */
  onSettled: (sessionId: string, outcome: Applied) => void;
}

/** Shorter than a tombstone: what was removed elsewhere meanwhile stays removed (S2). */
const JOURNAL_MAX_AGE_MS = TOMBSTONE_MS - 3_600_000;
const RETRY = { baseMs: 250, maxMs: 5000 };
/** Sessions replayed at the same time, so that their writes commit in groups. */
const PARALLEL = 32;
/** On closing, what is still in the journal gets this long: a failover, or a restart of Redis beside us, takes about
 *  ten seconds. What stands before it in the shutdown takes a few more; `main.ts` gives room for both. */
const FLUSH_MS = 15_000;
const FLUSH_RETRY_MS = 250;

/** Gives the journal to Redis: sessions side by side, each one's operations in order. */
export class Replay {
  readonly #options: ReplayOptions;
  #running: Promise<void> | undefined;
  #retry: Timer | undefined;
  #attempts = 0;

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

  /** Tries again and again until Redis has all of it or FLUSH_MS have passed: what is left then is lost, and counted. */
  async flush(): Promise<void> {
    const { journal, clock, log, metrics } = this.#options;
    const untilMs = clock.monotonicMs() + FLUSH_MS;
    for (let leftMs = FLUSH_MS; journal.size > 0 && leftMs > 0; leftMs = untilMs - clock.monotonicMs()) {
      await Promise.race([this.start(), sleep(clock, leftMs)]);
      if (journal.size > 0) await sleep(clock, FLUSH_RETRY_MS);
    }
    this.#retry?.cancel();
    if (journal.size === 0) return;
    metrics.dropped.inc({ reason: 'stopped' }, journal.size);
    log.error({ operations: journal.size }, 'session writes are lost: Redis was not back before the end');
  }

  async #run(): Promise<void> {
    const { journal, metrics, log } = this.#options;
    const sessionIds = journal.sessionIds();
    const before = journal.size;
    let stopped = false;
    const worker = async () => {
      for (let id = sessionIds.pop(); id !== undefined && !stopped; id = sessionIds.pop()) {
        if ((await this.#replaySession(id)) === 'stop') stopped = true;
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    metrics.journal.set(journal.size);
    if (journal.size === 0) log.info({ operations: before }, 'sessions written back to Redis');
    this.#attempts = journal.size < before ? 0 : this.#attempts + 1;
    if (journal.size > 0) this.schedule();
  }

  async #replaySession(sessionId: string): Promise<'done' | 'stop'> {
    const { journal, remote, clock, metrics } = this.#options;
    for (let entry = journal.first(sessionId); entry; entry = journal.first(sessionId)) {
      if (clock.monotonicMs() - entry.atMs > JOURNAL_MAX_AGE_MS) {
        journal.shift(sessionId);
        metrics.dropped.inc({ reason: 'too-old' });
        continue;
      }
      if (this.#settle(entry, await remote.apply(unconditional(entry.operation))) === 'stop') return 'stop';
    }
    return 'done';
  }

  /** What became of an operation; `stop` means that Redis is gone again. */
  #settle({ operation }: JournalEntry, outcome: Applied): 'next' | 'stop' {
    const { journal, metrics, log, onSettled } = this.#options;
    if (outcome.kind === 'unavailable' || outcome.kind === 'not-acknowledged') return 'stop';
    journal.shift(operation.sessionId);
    if (outcome.kind === 'ok' || outcome.kind === 'removed') metrics.replayed.inc();
    else {
      metrics.dropped.inc({ reason: outcome.kind });
      const keys = { operation: operation.kind, outcome: outcome.kind };
      log.warn(keys, 'a session write from the journal had no place');
    }
    if (!journal.has(operation.sessionId)) onSettled(operation.sessionId, outcome);
    return 'next';
  }
}

/** Its condition was met here when it was answered, and the version there may be another by now. */
function unconditional(operation: Operation): Operation {
  if (operation.kind !== 'update') return operation;
  const { ifVersion: _, ...rest } = operation;
  return rest;
}
