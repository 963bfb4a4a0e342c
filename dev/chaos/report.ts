import { inWords } from '../cluster/progress.ts';
import { KIND_NAMES, type KindName } from './catalogue.ts';
import { countOf, joined, type Lost } from './history.ts';
import { type Interval, lengthMs } from './intervals.ts';
import type { Counts } from './sessions/ledger.ts';

export interface RoundResult {
  number: number;
  kind: KindName;
  begunMs: number;
  endedMs: number;
  /** The longest time, from the fault on, in which no writer was acknowledged anything. */
  silentMs: number;
  /** From the fault until everything was there again; absent when that did not happen. */
  redundantMs?: number;
  /** Why the round failed. */
  problem?: string;
  /** Acknowledged writes that were found missing at its end. */
  lost: Lost[];
  /** What was found wrong with sessions at its end, in words. */
  sessions: { lost: string[]; resurrected: string[] };
}

export interface Report {
  seed: number;
  planned: number;
  kinds: readonly KindName[];
  rounds: readonly RoundResult[];
  acknowledged: number;
  lost: readonly Lost[];
  /** When two Redis at once would have taken a write. */
  twoWritable: readonly Interval[];
  /** Operations that were not acknowledged, by what was said. */
  failures: Readonly<Record<string, number>>;
  sessions: { counts: Counts; merged: number };
}

/** min-replicas-max-lag: as long as a primary may take writes after its replicas have left it. */
export const TWO_PRIMARIES_LIMIT_MS = 10_000;

/** What speaks against the cluster, a line each; nothing when it kept every promise. */
export function faultsFound(report: Report): string[] {
  const lost = countOf(report.lost);
  const longest = longestOf(report.twoWritable);
  const failed = report.rounds.filter(({ problem }) => problem !== undefined);
  const fewer = report.rounds.length < report.planned && failed.length === 0;
  return [
    ...(lost > 0 ? [`${lost} acknowledged ${lost === 1 ? 'write is' : 'writes are'} lost`] : []),
    ...failed.map(({ number, kind, problem }) => `round ${number}, ${kind}: ${problem}`),
    ...(fewer ? [`${report.rounds.length} of ${report.planned} rounds were run`] : []),
    ...(longest > TWO_PRIMARIES_LIMIT_MS
      ? [`two Redis were writable at the same time for ${inWords(longest)}`]
      : []),
    ...wrongSessions(report, 'lost').map((what) => `lost: session ${what}`),
    ...wrongSessions(report, 'resurrected').map((what) => `came back after it was removed: session ${what}`),
    ...(report.acknowledged === 0 ? ['no write was acknowledged, so nothing is proven'] : []),
  ];
}

const wrongSessions = ({ rounds }: Report, what: 'lost' | 'resurrected') =>
  rounds.flatMap(({ sessions }) => sessions[what]);

const longestOf = (intervals: readonly Interval[]) => Math.max(0, ...intervals.map(lengthMs));

/** The value below which the share `p` of the values lies (nearest rank); undefined of none. */
export function percentile(values: readonly number[], p: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
}

const time = (ms: number | undefined) => (ms === undefined ? '-' : inWords(ms));

/** The table and the totals, as lines. `bold` and `red` mark what matters, or do nothing. */
export function reportLines(
  report: Report,
  paint: { bold: (text: string) => string; red: (text: string) => string },
): string[] {
  const found = faultsFound(report);
  const recovered = report.rounds.filter(({ problem }) => problem === undefined).length;
  const silence = report.rounds.map(({ silentMs }) => silentMs);
  const totals: Array<[string, string]> = [
    ['rounds recovered', `${recovered} of ${report.rounds.length}`],
    [
      'no write acknowledged for',
      `p50 ${time(percentile(silence, 0.5))}, max ${time(percentile(silence, 1))}`,
    ],
    ['writes acknowledged', report.acknowledged.toLocaleString('en')],
    ['writes lost', String(countOf(report.lost))],
    ...sessionTotals(report),
    [
      'two writable primaries',
      `${inWords(report.twoWritable.reduce((sum, one) => sum + lengthMs(one), 0))} in all, ${inWords(longestOf(report.twoWritable))} at a time (allowed: ${inWords(TWO_PRIMARIES_LIMIT_MS)})`,
    ],
  ];
  return [
    ...tableLines(report).map((line, i) => (i < 2 ? paint.bold(line) : line)),
    '',
    ...totals.map(([name, value]) => `${name.padEnd(26)}${value}`),
    ...joined(report.lost).map((one) => paint.red(`lost: ${describeLost(one, report.rounds)}`)),
    '',
    ...(found.length === 0
      ? [paint.bold('Nothing was lost, and every round recovered.')]
      : found.map((line) => paint.red(`Failed: ${line}`))),
  ];
}

function sessionTotals(report: Report): Array<[string, string]> {
  const { counts, merged } = report.sessions;
  const { redis, peer, local } = counts.acknowledged;
  const number = (count: number) => count.toLocaleString('en');
  return [
    [
      'session writes',
      `${number(redis)} acknowledged by Redis, ${number(peer)} by pods, ${number(local)} by one pod`,
    ],
    ['session writes lost', String(wrongSessions(report, 'lost').length)],
    [
      'sessions removed',
      `${number(counts.removed)}, of which ${wrongSessions(report, 'resurrected').length} came back`,
    ],
    ['sessions merged', `${number(merged)} with fields of several clients`],
    ['session reads', `${number(counts.reads)}, of which ${number(counts.stale)} a moment old`],
    ['connections cut', number(counts.uncertain)],
    ...Object.entries(counts.refused).map(([why, count]): [string, string] => [
      'refused',
      `${count} × ${why}`,
    ]),
  ];
}

function tableLines({ rounds }: Report): string[] {
  const rows = KIND_NAMES.flatMap((kind) => {
    const own = rounds.filter((round) => round.kind === kind);
    if (own.length === 0) return [];
    const silent = own.map(({ silentMs }) => silentMs);
    const whole = own.flatMap(({ redundantMs }) => (redundantMs === undefined ? [] : [redundantMs]));
    return [
      [
        kind,
        String(own.length),
        time(percentile(silent, 0.5)),
        time(percentile(silent, 1)),
        time(percentile(whole, 0.5)),
        time(percentile(whole, 1)),
      ],
    ];
  });
  const row = ([kind = '', ...cells]: string[]) =>
    `${kind.padEnd(26)}${cells.map((cell) => cell.padStart(12)).join('')}`;
  return [
    `${''.padEnd(38)}${'no acknowledged write'.padStart(24)}${'whole again after'.padStart(24)}`,
    row(['fault', 'rounds', 'p50', 'max', 'p50', 'max']),
    ...rows.map(row),
  ];
}

/** Who wrote it, when, and during which round. */
export function describeLost(lost: Lost, rounds: readonly RoundResult[]): string {
  const { writer, from, to, fromMs, toMs } = lost;
  const numbers = from === to ? `number ${from}` : `numbers ${from} to ${to}`;
  const during = rounds.find(({ begunMs, endedMs }) => toMs >= begunMs && fromMs <= endedMs);
  const before = rounds.filter(({ endedMs }) => endedMs < fromMs).at(-1);
  const round = during
    ? `in round ${during.number} (${during.kind})`
    : before
      ? `after round ${before.number} (${before.kind})`
      : 'before round 1';
  const clock = (ms: number) => new Date(ms).toISOString();
  const time = toMs - fromMs < 1_000 ? `at ${clock(fromMs)}` : `from ${clock(fromMs)} to ${clock(toMs)}`;
  return `${writer} ${numbers}, acknowledged ${time} ${round}`;
}
