/** Operations of one writer that were acknowledged one after another. Times are the driver's clock. */
export interface Acknowledged {
  /** Numbers of the first and the last operation. */
  from: number;
  to: number;
  /** When the first and the last were acknowledged. */
  fromMs: number;
  toMs: number;
}

/** Acknowledged operations that are not there. */
export interface Lost extends Acknowledged {
  writer: string;
}

/** What every writer was promised. Operations are numbered from 0 by each writer, and a writer sets one bit of one string
 *  in Redis for each: so reading back a million of them is one small answer. */
export class History {
  readonly #writers = new Map<string, Acknowledged[]>();
  readonly #lost = new Map<string, Lost>();
  #acknowledged = 0;
  #lastMs = 0;

  add(writer: string, ranges: readonly Acknowledged[]): void {
    const known = this.#writers.get(writer) ?? [];
    for (const range of ranges) {
      this.#acknowledged += range.to - range.from + 1;
      this.#lastMs = Math.max(this.#lastMs, range.toMs);
    }
    this.#writers.set(writer, [...known, ...ranges]);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** When a write was acknowledged last. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** Names of the writers that were promised anything. */
  writers(): string[] {
    return [...this.#writers].filter(([, ranges]) => ranges.length > 0).map(([writer]) => writer);
  }

  /** Every acknowledged stretch of all writers. */
  stretches(): Acknowledged[] {
    return [...this.#writers.values()].flat();
  }

  /** Compares what the writer was promised up to now with the bits that Redis has, and remembers what is missing.
   *  Take what was promised before the bits are read: give the ranges' number that `mark` gave then. */
  check(writer: string, bits: Uint8Array, mark: number): Lost[] {
    const missing = (this.#writers.get(writer) ?? [])
      .slice(0, mark)
      .flatMap((range) => absent(range, bits).map((one) => ({ writer, ...one })));
    const fresh = missing.filter((one) => !this.#lost.has(keyOf(one)));
    for (const one of fresh) this.#lost.set(keyOf(one), one);
    return fresh;
  }

  /** How many ranges of this writer are known now. */
  mark = (writer: string): number => this.#writers.get(writer)?.length ?? 0;

  /** Everything that any check found missing. */
  lost(): Lost[] {
    return [...this.#lost.values()];
  }
}

const keyOf = ({ writer, from, to }: Lost) => `${writer}/${from}-${to}`;

/** Losses of one writer that follow each other as one, for telling them. */
export function joined(losses: readonly Lost[]): Lost[] {
  const found: Lost[] = [];
  for (const one of losses) {
    const last = found.at(-1);
    if (last && last.writer === one.writer && last.to === one.from - 1) {
      last.to = one.to;
      last.toMs = one.toMs;
    } else found.push({ ...one });
  }
  return found;
}

/** How many operations the ranges hold. */
export const countOf = (ranges: readonly Acknowledged[]): number =>
  ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);

/** Redis numbers bits from the most significant of the first byte (SETBIT). */
export const hasBit = (bits: Uint8Array, n: number): boolean =>
  ((bits[n >> 3] ?? 0) & (0x80 >> (n & 7))) !== 0;

function absent(range: Acknowledged, bits: Uint8Array): Acknowledged[] {
  const found: Acknowledged[] = [];
  for (let n = range.from; n <= range.to; n++) {
    if (hasBit(bits, n)) continue;
    const last = found.at(-1);
    if (last && last.to === n - 1) last.to = n;
    else found.push({ ...range, from: n, to: n });
  }
  return found;
}
