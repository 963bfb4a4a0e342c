/** `make bench`: measures this project beside its peers in one run, prints a table and writes `bench.json`. */
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { seconds } from '../../dev/command.ts';
import { ENTRIES } from './entries/index.ts';
import { type Bench, type Entry, type Row, Skipped } from './entry.ts';

const USAGE = `Usage: node test/bench/main.ts [--only NAME[,NAME …]]
Entries:
${ENTRIES.map(({ name, what }) => `  ${name.padEnd(12)} ${what}`).join('\n')}`;

async function runEntry(entry: Entry): Promise<Row[]> {
  const stops: Array<() => Promise<void> | void> = [];
  const startedAt = performance.now();
  const bench: Bench = {
    say: (line) => console.log(`   ${line}`),
    defer: (stop) => stops.push(stop),
    skip: (reason) => {
      throw new Skipped(reason);
    },
  };
  console.log(`== ${entry.name}: ${entry.what}`);
  try {
    return await entry.run(bench);
  } finally {
    for (const stop of stops.reverse()) await stop();
    console.log(`   ${seconds(performance.now() - startedAt)}`);
  }
}

const figure = (value: number | undefined) =>
  value === undefined ? '' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

function table(rows: readonly Row[]): string {
  const lines = [
    ['what', 'unit', 'p50', 'p99', 'value', 'peer', 'peer value', 'ratio', 'goal', 'met'],
    ...rows.map((r) => [
      r.what,
      r.unit,
      figure(r.p50),
      figure(r.p99),
      figure(r.value),
      r.peer ?? '',
      figure(r.peerValue),
      figure(r.ratio),
      r.goal ?? '',
      r.met === undefined ? '' : r.met ? 'yes' : 'NO',
    ]),
  ];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  const at = argv.indexOf('--only');
  const only = at === -1 ? undefined : (argv[at + 1] ?? '').split(',');
  const unknown = only?.filter((name) => !ENTRIES.some((entry) => entry.name === name)) ?? [];
  if (unknown.length > 0) {
    console.error(`no such entry: ${unknown.join(', ')}\n${USAGE}`);
    return 2;
  }
  const rows: Row[] = [];
  let failed = 0;
  for (const entry of ENTRIES.filter(({ name }) => only === undefined || only.includes(name))) {
    try {
      rows.push(...(await runEntry(entry)));
    } catch (error) {
      if (error instanceof Skipped) console.log(`   SKIPPED: ${error.message}`);
      else {
        failed += 1;
        console.error(`   FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      }
    }
  }
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`;
  console.log(`\n${table(rows)}\n\nmachine: ${machine}`);
  writeFileSync('bench.json', `${JSON.stringify(rows, null, 2)}\n`);
  console.log('written: bench.json');
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
