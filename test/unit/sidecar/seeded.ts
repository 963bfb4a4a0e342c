/** Repeatable randomness for property tests: the same seed gives the same run. */
export function seeded(seed: number) {
  let state = seed >>> 0;
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  const of = <T>(choices: readonly T[]): T => choices[below(choices.length)] as T;
  const text = () =>
    Array.from({ length: below(8) }, () => of(['a', 'ß', '世', '"', '\\', '\u0000', '😀', '/', '~'])).join(
      '',
    );
  const json = (depth: number): unknown => {
    const kind = below(depth > 0 ? 7 : 5);
    if (kind === 0) return null;
    if (kind === 1) return below(2) === 0;
    if (kind === 2) return next() * 10 ** below(20);
    if (kind < 5) return text();
    if (kind === 5) return Array.from({ length: below(4) }, () => json(depth - 1));
    return Object.fromEntries(Array.from({ length: below(4) }, () => [text(), json(depth - 1)]));
  };
  return { next, below, of, text, json };
}
