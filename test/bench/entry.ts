/** One row of `bench.json`: a figure of ours beside a peer's, both measured in this run on this machine. */
export interface Row {
  /** Stable name, `entry/figure`. */
  id: string;
  what: string;
  unit: string;
  p50?: number;
  p99?: number;
  /** The figure that is compared: the p50 where there is one. */
  value: number;
  peer?: string;
  peerValue?: number;
  /** value / peerValue. */
  ratio?: number;
  /** The goal in words, such as `<= 1000 ms`; `met` says whether this run met it. */
  goal?: string;
  met?: boolean;
}

export interface Entry {
  name: string;
  /** One line for `--help`. */
  what: string;
  run(bench: Bench): Promise<Row[]>;
}

/** What an entry may use. */
export interface Bench {
  /** Says a line of progress. */
  say(line: string): void;
  /** Registers something to be stopped when the entry ends, also when it fails; the last registered stops first. */
  defer(stop: () => Promise<void> | void): void;
  /** Thrown to leave an entry out, with the reason. */
  skip(reason: string): never;
}

export class Skipped extends Error {}

/** A row with its ratio and, when a bound is given, whether it was met. */
export function row(
  figures: Omit<Row, 'ratio' | 'met' | 'goal'> & { atMost?: number; ratioAtMost?: number },
): Row {
  const { atMost, ratioAtMost, ...rest } = figures;
  const ratio = rest.peerValue === undefined || rest.peerValue === 0 ? undefined : rest.value / rest.peerValue;
  const goals = [
    ...(atMost === undefined ? [] : [{ text: `<= ${atMost} ${rest.unit}`, met: rest.value <= atMost }]),
    ...(ratioAtMost === undefined
      ? []
      : [{ text: `<= ${ratioAtMost} x peer`, met: ratio !== undefined && ratio <= ratioAtMost }]),
  ];
  return {
    ...rest,
    ...(ratio === undefined ? {} : { ratio }),
    ...(goals.length === 0
      ? {}
      : { goal: goals.map(({ text }) => text).join(', '), met: goals.every(({ met }) => met) }),
  };
}
