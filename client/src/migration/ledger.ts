import type { SessionImportResult } from '../wire.ts';
import type { Batch } from './batches.ts';

/** A session that was not taken over, and why. */
export interface InvalidSession {
  sessionId: string;
  /** JSON pointer to what is wrong, such as `/session/preferences/theme`. */
  field: string;
  detail: string;
}

/** What became of the sessions so far. */
export interface MigrationTotals {
  created: number;
  /** There already, also when an earlier try of this run put them there; or deleted since, and left so. */
  existing: number;
  /** In a dry run: would be taken over, or are there already. */
  valid: number;
  invalid: InvalidSession[];
}

/** Where to go on from. Plain JSON. */
export interface MigrationCheckpoint {
  /** So many sessions from the start are done. */
  position: number;
  /** The last of them: tells whether the sessions are still the same. */
  lastSessionId: string | null;
  totals: MigrationTotals;
}

const NONE: MigrationTotals = { created: 0, existing: 0, valid: 0, invalid: [] };
const sum = (a: MigrationTotals, b: MigrationTotals): MigrationTotals => ({
  created: a.created + b.created,
  existing: a.existing + b.existing,
  valid: a.valid + b.valid,
  invalid: [...a.invalid, ...b.invalid],
});

/** Counts what became of batches, which are answered in any order: the checkpoint is at the end of those that are
 *  answered without a gap. */
export class Ledger {
  #checkpoint: MigrationCheckpoint;
  readonly #ahead = new Map<number, { batch: Batch; totals: MigrationTotals }>();
  failed = 0;

  constructor(from: MigrationCheckpoint = { position: 0, lastSessionId: null, totals: NONE }) {
    this.#checkpoint = from;
  }

  get checkpoint(): MigrationCheckpoint {
    return this.#checkpoint;
  }

  get totals(): MigrationTotals {
    return [...this.#ahead.values()].reduce((all, { totals }) => sum(all, totals), this.#checkpoint.totals);
  }

  /** @param results one for each of the batch's entries, in their order */
  settle(batch: Batch, results: readonly SessionImportResult[]): void {
    this.#ahead.set(batch.position, { batch, totals: totalsOf(batch, results) });
    for (;;) {
      const { position } = this.#checkpoint;
      const next = this.#ahead.get(position);
      if (next === undefined) return;
      this.#ahead.delete(position);
      this.#checkpoint = {
        position: position + next.batch.size,
        lastSessionId: next.batch.lastSessionId,
        totals: sum(this.#checkpoint.totals, next.totals),
      };
    }
  }

  fail(batch: Batch): void {
    this.failed += batch.size;
  }
}

function totalsOf(batch: Batch, results: readonly SessionImportResult[]): MigrationTotals {
  const count = (status: SessionImportResult['status']) =>
    results.filter((result) => result.status === status).length;
  const refused = results.flatMap(({ status, field = '', detail = '' }, index) =>
    status === 'invalid' ? [{ sessionId: batch.entries[index]?.sessionId ?? '', field, detail }] : [],
  );
  return {
    created: count('created'),
    existing: count('exists'),
    valid: count('valid'),
    invalid: [...batch.invalid, ...refused],
  };
}
