import type { Row } from './entry.ts';
import type { Standing } from './standing.ts';

const HEADINGS = [
  'what',
  'unit',
  'p50',
  'p99',
  'value',
  'peer',
  'peer value',
  'ratio',
  'goal',
  'of goal',
  'result',
];
const STANDING_HEADINGS = [
  'load and contender',
  'requests/s',
  'p50 ms',
  'p99 ms',
  'CPU us/request',
  'anonymous MiB',
  'resident MiB',
];

/** The rows as aligned text, for a terminal; an absent figure is an empty cell. Contenders side by side come first,
 *  load by load, then the figures with their goals. */
export function table(rows: readonly Row[]): string {
  const contests = rows.filter(({ standing }) => standing !== undefined);
  const figures = rows.filter(({ standing }) => standing === undefined);
  return [
    ...(contests.length === 0 ? [] : [aligned([STANDING_HEADINGS, ...contestLines(contests)])]),
    ...(figures.length === 0 ? [] : [aligned([HEADINGS, ...figures.map(cells)])]),
  ].join('\n\n');
}

function aligned(lines: readonly string[][]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => (line.length === 1 ? 0 : (line[column]?.length ?? 0)))),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A line for each load, those of its contenders below it. */
const contestLines = (rows: readonly Row[]): string[][] =>
  [...Map.groupBy(rows, ({ what }) => what)].flatMap(([what, contenders]) => [
    [what],
    ...contenders.flatMap(({ standing }) => (standing ? [standingCells(standing)] : [])),
  ]);

const standingCells = (standing: Standing): string[] => [
  `  ${standing.contender}`,
  ...[
    Math.round(standing.perSecond),
    standing.p50Ms,
    standing.p99Ms,
    standing.cpuMicros,
    standing.anonymousMiB,
    standing.residentMiB,
  ].map(figure),
];

const cells = (row: Row): string[] => [
  row.what,
  row.unit,
  figure(row.p50),
  figure(row.p99),
  figure(row.value),
  row.peer ?? '',
  figure(row.peerValue),
  figure(row.ratio),
  row.goal ?? '',
  figure(row.ofGoal),
  result(row),
];

const result = ({ goal, met }: Row): string => {
  if (goal === undefined) return '';
  if (met === undefined) return 'not measured';
  return met ? 'pass' : 'FAIL';
};

/** Three significant digits or so: more would be noise. */
const figure = (value: number | undefined): string =>
  value === undefined
    ? ''
    : Number.isInteger(value) || value >= 100
      ? value.toFixed(0)
      : value >= 10
        ? value.toFixed(1)
        : value.toFixed(2);
