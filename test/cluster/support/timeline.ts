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
const OR = ' or ';

/** A truth that more than one word is right for. */
export const either = (...words: string[]): string => words.join(OR);

const agrees = (truth: string, told: string): boolean => truth === ANYTHING || truth.split(OR).includes(told);

/** The oracle has to look too: who says what becomes true within this time knew it first. */
const AHEAD_MS = 3_000;

/** The longest time for which, between two moments, `told` was wrong after the truth had changed and while it stayed what
 *  it was. What was wrong before `fromMs` counts from then on only. `honest`: words that are never wrong. */
export function worstLag(
  truth: Timeline<string>,
  told: Timeline<string>,
  fromMs: number,
  toMs: number,
  honest: readonly string[] = [],
): Lag | undefined {
  let worst: Lag | undefined;
  const truths = truth.stretches(fromMs, toMs);
  truths.forEach((is, i) => {
    const next = truths[i + 1];
    for (const said of told.stretches(is.fromMs, is.toMs)) {
      const ms = said.toMs - is.fromMs;
      if (agrees(is.value, said.value) || honest.includes(said.value) || ms <= (worst?.ms ?? 0)) continue;
      const ahead = next && agrees(next.value, said.value) && next.fromMs - said.fromMs <= AHEAD_MS;
      // Said before the truth changed to what is now, it is no foresight.
      if (ahead && said.fromMs > is.fromMs) continue;
      worst = { ms, truth: is.value, told: said.value, atMs: is.fromMs };
    }
  });
  return worst;
}
