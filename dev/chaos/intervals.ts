/** A stretch of time, in milliseconds. */
export interface Interval {
  fromMs: number;
  toMs: number;
}

/** The same time as few intervals, in order, that do not touch. */
export function united(intervals: readonly Interval[]): Interval[] {
  const found: Interval[] = [];
  for (const { fromMs, toMs } of [...intervals].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = found.at(-1);
    if (last && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else found.push({ fromMs, toMs });
  }
  return found;
}

/** The longest time between `fromMs` and `toMs` that no interval covers. An open end counts up to `toMs`. */
export function longestGap(intervals: readonly Interval[], fromMs: number, toMs: number): Interval {
  let longest = { fromMs, toMs: fromMs };
  let seenMs = fromMs;
  const look = (untilMs: number) => {
    if (untilMs - seenMs > longest.toMs - longest.fromMs) longest = { fromMs: seenMs, toMs: untilMs };
  };
  for (const one of united(intervals)) {
    if (one.toMs <= fromMs) continue;
    if (one.fromMs >= toMs) break;
    look(one.fromMs);
    seenMs = Math.max(seenMs, one.toMs);
  }
  look(toMs);
  return longest;
}

/** When at least two of the named parties were at it at the same time. Intervals of one party are one party's, however
 *  many observers saw it. */
export function overlaps(parties: ReadonlyMap<string, readonly Interval[]>): Interval[] {
  const edges = [...parties.values()].flatMap((intervals) =>
    united(intervals).flatMap(({ fromMs, toMs }) => [
      { atMs: fromMs, change: 1 },
      { atMs: toMs, change: -1 },
    ]),
  );
  // An end before a begin at the same moment: one that hands over is no overlap.
  edges.sort((a, b) => a.atMs - b.atMs || a.change - b.change);
  const found: Interval[] = [];
  let active = 0;
  for (const { atMs, change } of edges) {
    const before = active;
    active += change;
    if (before < 2 && active >= 2) found.push({ fromMs: atMs, toMs: atMs });
    else if (before >= 2 && active < 2) (found.at(-1) as Interval).toMs = atMs;
  }
  return found.filter(({ fromMs, toMs }) => toMs > fromMs);
}

export const lengthMs = ({ fromMs, toMs }: Interval): number => toMs - fromMs;
