import type { Row } from './entry.ts';

const HEADINGS = ['what', 'unit', 'p50', 'p99', 'value', 'peer', 'peer value', 'ratio', 'goal', 'met'];

/** The rows as aligned text, for a terminal; an absent figure is an empty cell. */
export function table(rows: readonly Row[]): string {
  const lines = [HEADINGS, ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

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
  row.met === undefined ? '' : row.met ? 'yes' : 'NO',
];

/** Three significant digits or so: more would be noise. */
const figure = (value: number | undefined): string =>
  value === undefined
    ? ''
    : Number.isInteger(value) || value >= 100
      ? value.toFixed(0)
      : value >= 10
        ? value.toFixed(1)
        : value.toFixed(2);
