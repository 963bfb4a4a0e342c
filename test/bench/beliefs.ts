/** What a process told of its own leadership: that it leads, for so long from then. */
export interface Belief {
  who: string;
  /** It certainly held from here to there, in milliseconds of one clock. */
  fromMs: number;
  untilMs: number;
}

/** What an answer certainly means, whenever between question and arrival it was given; undefined: nothing. */
export function beliefOf(
  who: string,
  { askedMs, arrivedMs, validForMs }: { askedMs: number; arrivedMs: number; validForMs: number },
): Belief | undefined {
  const untilMs = askedMs + validForMs;
  return untilMs > arrivedMs ? { who, fromMs: arrivedMs, untilMs } : undefined;
}

/** Times that two believed to lead at the same moment: each pair of processes once. */
export function overlaps(beliefs: readonly Belief[]): string[] {
  const sorted = beliefs.toSorted((a, b) => a.fromMs - b.fromMs);
  const found = new Set<string>();
  let open: Belief[] = [];
  for (const belief of sorted) {
    open = open.filter(({ untilMs }) => untilMs > belief.fromMs);
    for (const { who } of open) if (who !== belief.who) found.add([who, belief.who].toSorted().join(' and '));
    open.push(belief);
  }
  return [...found];
}
