/** One row of `bench.json`: a figure of ours beside a peer's, both measured in this run on this machine. */
export interface Row {
  /** Stable name, `entry/figure`. */
  id: string;
  /** What was measured, and under which load. */
  what: string;
  unit: string;
  p50?: number;
  p99?: number;
  /** The figure that is compared and that the goal is about; `what` says which where it is not the p50. */
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
  /** Longest time it may take, in milliseconds; it fails after that. Default 180,000. */
  limitMs?: number;
  /** What is done once for this user and may take minutes, such as building a peer; not under the limit. */
  prepare?(say: (line: string) => void): Promise<void>;
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

/** An entry was left out; the message says why and what to do about it. */
export class Skipped extends Error {}

/** A figure without what `row` works out, and its goals: bounds on the value and on its ratio to the peer's. */
export type Figures = Omit<Row, 'ratio' | 'met' | 'goal' | 'peer' | 'peerValue'> & {
  peer?: string | undefined;
  peerValue?: number | undefined;
  atMost?: number;
  ratioAtMost?: number;
};

/** A row with its ratio and, when a bound is given, whether it was met. */
export function row({ atMost, ratioAtMost, peer, peerValue, ...rest }: Figures): Row {
  const ratio = peerValue === undefined || peerValue === 0 ? undefined : rest.value / peerValue;
  const goals = [
    ...(atMost === undefined ? [] : [{ text: `<= ${atMost} ${rest.unit}`, met: rest.value <= atMost }]),
    ...(ratioAtMost === undefined
      ? []
      : [{ text: `<= ${ratioAtMost} x peer`, met: ratio !== undefined && ratio <= ratioAtMost }]),
  ];
  return {
    ...rest,
    ...(peer === undefined ? {} : { peer }),
    ...(peerValue === undefined ? {} : { peerValue }),
    ...(ratio === undefined ? {} : { ratio }),
    ...(goals.length === 0
      ? {}
      : { goal: goals.map(({ text }) => text).join(', '), met: goals.every(({ met }) => met) }),
  };
}
