import { type AckedRange, type Batch, type PrimarySeen, STRETCH_MS } from './messages.ts';

/** A Redis asked later than this after the last time may have been something else in between. */
const SEEN_STRETCH_MS = 1_000;
const SILENCE_MS = 1_000;
/** Failures are told by what was said; what is said may hold addresses, and is cut. */
const FAILURE_CHARACTERS = 60;

/** What the driver is to be told. It is kept until the driver has it: the way there may be what is broken. */
export class Outbox {
  readonly #nowMs: () => number;
  readonly #kept: Batch[] = [];
  readonly #primaries = new Map<string, PrimarySeen>();
  #acked: AckedRange[] = [];
  #failed: Record<string, number> = {};
  #seq = 0;
  #sentMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  acked(n: number): void {
    const nowMs = this.#nowMs();
    const last = this.#acked.at(-1);
    if (last && last.to === n - 1 && nowMs - last.toMs <= STRETCH_MS) {
      last.to = n;
      last.toMs = nowMs;
    } else this.#acked.push({ from: n, to: n, fromMs: nowMs, toMs: nowMs });
  }

  failed(why: string): void {
    const key = why.slice(0, FAILURE_CHARACTERS);
    this.#failed[key] = (this.#failed[key] ?? 0) + 1;
  }

  /** A Redis answered just now that it is a primary. */
  primary(seen: Omit<PrimarySeen, 'fromMs' | 'toMs'>): void {
    const nowMs = this.#nowMs();
    const last = this.#primaries.get(seen.runId);
    const same =
      last &&
      last.writable === seen.writable &&
      last.goodReplicas === seen.goodReplicas &&
      nowMs - last.toMs <= SEEN_STRETCH_MS;
    if (same) last.toMs = nowMs;
    else {
      // What it was before is told now: the map holds one stretch of each.
      if (last) this.#flush({ ...last });
      this.#primaries.set(seen.runId, { ...seen, fromMs: nowMs, toMs: nowMs });
    }
  }

  #ended: PrimarySeen[] = [];
  #flush(seen: PrimarySeen): void {
    this.#ended.push(seen);
  }

  /** Closes a batch when there is something to tell, or when the last one is a second ago. */
  close(): Batch | undefined {
    const nowMs = this.#nowMs();
    const primaries = [...this.#ended, ...this.#current()];
    const quiet =
      this.#acked.length === 0 && primaries.length === 0 && Object.keys(this.#failed).length === 0;
    if (quiet && nowMs - this.#sentMs < SILENCE_MS) return undefined;
    this.#seq += 1;
    this.#sentMs = nowMs;
    const batch: Batch = {
      kind: 'batch',
      seq: this.#seq,
      sentMs: nowMs,
      acked: this.#acked,
      failed: this.#failed,
      primaries,
    };
    this.#acked = [];
    this.#failed = {};
    this.#ended = [];
    this.#kept.push(batch);
    return batch;
  }

  /** The stretches that go on: the next batch begins each where this one ends. */
  #current(): PrimarySeen[] {
    const found: PrimarySeen[] = [];
    for (const [runId, seen] of this.#primaries) {
      found.push({ ...seen });
      if (this.#nowMs() - seen.toMs > SEEN_STRETCH_MS) this.#primaries.delete(runId);
      else seen.fromMs = seen.toMs;
    }
    return found;
  }

  after(seq: number): Batch[] {
    return this.#kept.filter((batch) => batch.seq > seq);
  }

  forget(seq: number): void {
    while ((this.#kept[0]?.seq ?? Number.POSITIVE_INFINITY) <= seq) this.#kept.shift();
  }
}
