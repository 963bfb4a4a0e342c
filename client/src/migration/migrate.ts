import { Connection, type ConnectionOptions } from '../connection.ts';
import { HyperpageError } from '../errors.ts';
import type { SessionImportResult } from '../wire.ts';
import { type Batch, batchesOf, type Pairs } from './batches.ts';
import { Ledger, type MigrationCheckpoint, type MigrationTotals } from './ledger.ts';

/** Sessions by their id. A session is as the spec has it, with dates as `Date` or ISO strings; what is absent gets its
 *  default. The sidecar checks it. */
export type LocalSessions = Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown> | Pairs;

export interface MigrationOptions extends ConnectionOptions {
  /** Sessions in one request, 1 to 100; 100 by default. */
  batchSize?: number | undefined;
  /** Requests under way at once, 1 to 16; 4 by default. */
  concurrency?: number | undefined;
  /** Has the sidecar check every session and write none. */
  dryRun?: boolean | undefined;
  /** Called after each batch that was answered. */
  onProgress?: ((progress: MigrationProgress) => void) | undefined;
  /** Where an earlier run over the same sessions got to. */
  checkpoint?: MigrationCheckpoint | undefined;
  /** Ends it: it then rejects with the signal's reason. What is under way may still be written. */
  signal?: AbortSignal | undefined;
  /** How often one batch is tried again while Redis or the sidecar is away; 10 by default, about a minute. */
  maxRetries?: number | undefined;
}

export interface MigrationProgress extends MigrationTotals {
  /** Give it to the next run should this one not come to its end. */
  checkpoint: MigrationCheckpoint;
}

export interface MigrationResult extends MigrationTotals {
  /** Sessions that nothing is known of, as Redis or the sidecar stayed away; run it again for them. */
  failed: number;
  /** Why they failed. */
  failure?: HyperpageError;
}

/** Takes the sessions of a former store over into Redis (spec, section 6), by way of the sidecar. Doing it again changes
 *  nothing: a session that is there, or was deleted since, stays as it is.
 *  @throws HyperpageError `sidecar-unreachable` when there is no sidecar from the start, `invalid-argument`, … */
export async function migrateLocalSessionsToRedis(
  localSessions: LocalSessions,
  options: MigrationOptions = {},
): Promise<MigrationResult> {
  const batchSize = within('batchSize', options.batchSize ?? 100, 1, 100);
  const concurrency = within('concurrency', options.concurrency ?? 4, 1, 16);
  const migration = new Migration(options);
  const batches = batchesOf(pairsOf(localSessions), batchSize, options.checkpoint);
  try {
    const lanes = Array.from({ length: concurrency }, () => migration.lane(batches));
    // All are waited for, also when one throws: nothing is sent any more once this has settled.
    for (const lane of await Promise.allSettled(lanes))
      if (lane.status === 'rejected') throw migration.reason;
  } finally {
    await batches.return();
  }
  return migration.result();
}

/** Least and most time between two tries when the sidecar names none, in milliseconds. */
const MIN_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
/** A whole batch with its replicas takes longer than one request of a user may. */
const TIMEOUT_MS = 30_000;

class Migration {
  readonly #options: MigrationOptions;
  readonly #sidecar: Connection;
  readonly #ledger: Ledger;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #wasHeard = false;
  #failure: HyperpageError | undefined;

  constructor(options: MigrationOptions) {
    this.#options = options;
    this.#sidecar = new Connection({ timeoutMs: TIMEOUT_MS, ...options });
    this.#ledger = new Ledger(options.checkpoint);
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
  }

  /** Why it was stopped. */
  get reason(): unknown {
    return this.#signal.reason;
  }

  result(): MigrationResult {
    const { failed, totals } = this.#ledger;
    return { ...totals, failed, ...(this.#failure ? { failure: this.#failure } : {}) };
  }

  /** Sends one batch after the other. Once one was given up the others are only counted: each would wait as long. */
  async lane(batches: AsyncGenerator<Batch, void>): Promise<void> {
    try {
      for (;;) {
        this.#signal.throwIfAborted();
        const { value: batch, done } = await batches.next();
        if (done) return;
        if (this.#failure) this.#ledger.fail(batch);
        else await this.#take(batch);
      }
    } catch (error) {
      this.#stop.abort(error);
      throw error;
    }
  }

  async #take(batch: Batch): Promise<void> {
    try {
      this.#ledger.settle(batch, batch.entries.length === 0 ? [] : await this.#send(batch));
    } catch (error) {
      if (!this.#isPassing(error)) throw error;
      this.#failure ??= error;
      return this.#ledger.fail(batch);
    }
    this.#options.onProgress?.({ ...this.#ledger.totals, checkpoint: this.#ledger.checkpoint });
  }

  async #send({ entries }: Batch): Promise<SessionImportResult[]> {
    const { dryRun = false, maxRetries = 10 } = this.#options;
    for (let retries = 0; ; retries += 1) {
      try {
        const { results } = await this.#sidecar.json<{ results: SessionImportResult[] }>(
          'POST',
          '/v1/sessions/import',
          { body: { sessions: entries, dryRun }, signal: this.#signal },
        );
        this.#wasHeard = true;
        return results;
      } catch (error) {
        this.#signal.throwIfAborted();
        if (isTooLarge(error) && entries.length === 1)
          return [{ status: 'invalid', field: '/session', detail: error.message }];
        if (!this.#isPassing(error) || retries === maxRetries) throw error;
        await sleep(error.retryAfterMs ?? backoffMs(retries), this.#signal);
      }
    }
  }

  /** Whether it may be over by itself. A sidecar that never answered is rather not there at all. */
  #isPassing(error: unknown): error is HyperpageError {
    if (!(error instanceof HyperpageError)) return false;
    if (error.status === 503) this.#wasHeard = true;
    return error.status === 503 || (error.code === 'sidecar-unreachable' && this.#wasHeard);
  }
}

const backoffMs = (retries: number) => Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** retries);

const isTooLarge = (error: unknown): error is HyperpageError =>
  error instanceof HyperpageError && error.status === 413;

function pairsOf(sessions: LocalSessions): Pairs {
  if (Symbol.asyncIterator in sessions || Symbol.iterator in sessions) return sessions as Pairs;
  return Object.entries(sessions);
}

function within(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new HyperpageError(
    'invalid-argument',
    `${name} is ${value}; it wants a whole number from ${min} to ${max}`,
  );
}

/** @throws the signal's reason when it is aborted */
const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
