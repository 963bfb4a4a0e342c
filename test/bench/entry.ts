import type { Standing } from './standing.ts';

/** One row of `bench.json`: a figure of ours beside a peer's, both measured in this run on this machine. */
export interface Row {
  /** Stable name, `entry/figure`. */
  id: string;
  /** What was measured, and under which load. */
  what: string;
  unit: string;
  p50?: number;
  p99?: number;
  /** The figure that is compared and that the goal is about; `what` says which where it is not the p50. Absent for a
   *  goal whose figure could not be had. */
  value?: number;
  peer?: string;
  peerValue?: number;
  /** value / peerValue. */
  ratio?: number;
  /** The goal in words, such as `<= 1000 ms`. */
  goal?: string;
  /** The value as a multiple of what the goal allows; of several goals the worst. */
  ofGoal?: number;
  /** Whether this run met the goal; absent when a figure that it needs is. */
  met?: boolean;
  /** How one contender stood up to a load: such a row has no peer and no goal, others are made of it. */
  standing?: Standing;
}

export interface Entry {
  name: string;
  /** One line for `--help`. */
  what: string;
  /** Longest time it may take, in milliseconds; it fails after that. Default 180,000. */
  limitMs?: number;
  /** It takes so long that it runs only when it is asked for. */
  onlyByName?: true;
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
export type Figures = Pick<Row, 'id' | 'what' | 'unit' | 'p50' | 'p99' | 'standing'> & {
  value: number | undefined;
  peer?: string | undefined;
  peerValue?: number | undefined;
  atMost?: number;
  ratioAtMost?: number;
};

/** A row with its ratio and, when a bound is given, whether it was met. */
export function row({ atMost, ratioAtMost, value, peer, peerValue, ...rest }: Figures): Row {
  const ratio = value === undefined || !peerValue ? undefined : value / peerValue;
  const bounds = [
    ...(atMost === undefined ? [] : [{ text: `<= ${atMost} ${rest.unit}`, figure: value, bound: atMost }]),
    ...(ratioAtMost === undefined
      ? []
      : [{ text: `<= ${ratioAtMost} x peer`, figure: ratio, bound: ratioAtMost }]),
  ];
  return {
    ...rest,
    ...(value === undefined ? {} : { value }),
    ...(peer === undefined ? {} : { peer }),
    ...(peerValue === undefined ? {} : { peerValue }),
    ...(ratio === undefined ? {} : { ratio }),
    ...(bounds.length === 0 ? {} : { goal: bounds.map(({ text }) => text).join(', ') }),
    ...judged(bounds),
  };
}

/** Nothing where a figure is missing: a goal that was not measured is neither met nor missed. */
function judged(
  bounds: ReadonlyArray<{ figure: number | undefined; bound: number }>,
): Pick<Row, 'ofGoal' | 'met'> {
  const known = bounds.filter(({ figure }) => figure !== undefined);
  if (bounds.length === 0 || known.length < bounds.length) return {};
  const met = bounds.every(({ figure = 0, bound }) => figure <= bound);
  // Of a goal of zero there is no multiple.
  const multiples = bounds.flatMap(({ figure = 0, bound }) => (bound === 0 ? [] : [figure / bound]));
  return { ...(multiples.length === 0 ? {} : { ofGoal: Math.max(...multiples) }), met };
}
