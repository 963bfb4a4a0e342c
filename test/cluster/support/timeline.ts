/** A value that changes over time, as somebody saw it. Times are milliseconds since 1970 on this machine's clock. */
export class Timeline<T extends string> {
  readonly #changes: Array<{ atMs: number; value: T }> = [];

  /** Says what is from `atMs` on. Times never go back. */
  set(atMs: number, value: T): void {
    if (this.#changes.at(-1)?.value !== value) this.#changes.push({ atMs, value });
  }

  get now(): T | undefined {
    return this.#changes.at(-1)?.value;
  }

  /** The values between two moments, each with the part of its time that lies between them. */
  stretches(fromMs: number, toMs: number): Array<Stretch<T>> {
    return this.#changes.flatMap(({ atMs, value }, i) => {
      const begin = Math.max(atMs, fromMs);
      const end = Math.min(this.#changes[i + 1]?.atMs ?? Number.POSITIVE_INFINITY, toMs);
      return begin < end ? [{ fromMs: begin, toMs: end, value }] : [];
    });
  }
}

export interface Stretch<T> {
  fromMs: number;
  toMs: number;
  value: T;
}

/** How long somebody said something else after the truth had become `truth`. */
export interface Lag {
  ms: number;
  truth: string;
  told: string;
  atMs: number;
}

/** A truth that nothing is demanded of: whatever is told is right. */
export const ANYTHING = 'anything';

/** The longest time for which, between two moments, `told` was wrong after the truth had changed and while it stayed what
 *  it was. What was wrong before `fromMs` counts from then on only. */
export function worstLag(
  truth: Timeline<string>,
  told: Timeline<string>,
  fromMs: number,
  toMs: number,
): Lag | undefined {
  let worst: Lag | undefined;
  for (const is of truth.stretches(fromMs, toMs)) {
    if (is.value === ANYTHING) continue;
    for (const said of told.stretches(is.fromMs, is.toMs)) {
      const ms = said.toMs - is.fromMs;
      if (said.value === is.value || ms <= (worst?.ms ?? 0)) continue;
      worst = { ms, truth: is.value, told: said.value, atMs: is.fromMs };
    }
  }
  return worst;
}
