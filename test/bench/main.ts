/** `make bench`: measures this project beside its peers in one run, prints a table and writes `bench.json`. */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { seconds } from '../../dev/command.ts';
import { ENTRIES } from './entries/index.ts';
import type { Row } from './entry.ts';
import { runEntry } from './run-entry.ts';
import { table } from './table.ts';

const USAGE = `Usage: node test/bench/main.ts [--only NAME[,NAME …]]
Writes bench.json in the current folder: a list of rows {id, what, unit, p50, p99, value, peer, peerValue,
ratio, goal, ofGoal, met, standing}; standing is how one contender stood up to a load.
In the environment: TRIALS=n, how often a leader meets each fault (default 3), and PEER_TRIALS=n, how often client-go's does
(default 2); OUTAGE_MINUTES=n, how long the API server is away (default 10).
Entries:
${ENTRIES.map(({ name, what }) => `  ${name.padEnd(16)} ${what}`).join('\n')}`;

/** The names after `--only`; undefined for every entry, a string that says what is wrong for bad arguments. */
function selected(argv: readonly string[]): string[] | undefined | { problem: string } {
  if (argv.length === 0) return undefined;
  const names = argv[1]?.split(',').filter((name) => name !== '') ?? [];
  if (argv[0] !== '--only' || argv.length > 2) return { problem: `I do not know ${argv.join(' ')}` };
  if (names.length === 0) return { problem: '--only wants the name of an entry' };
  const unknown = names.filter((name) => !ENTRIES.some((entry) => entry.name === name));
  return unknown.length > 0 ? { problem: `no such entry: ${unknown.join(', ')}` } : names;
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  const only = selected(argv);
  if (only !== undefined && 'problem' in only) {
    console.error(`${only.problem}\n${USAGE}`);
    return 2;
  }
  const busy = loadavg()[0] ?? 0;
  if (busy > 0.5) {
    console.log(
      `others keep this machine busy (load ${busy.toFixed(1)}, ${cpus().length} cores): trust the ratios only`,
    );
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const rows: Row[] = [];
  let failed = 0;
  for (const entry of ENTRIES.filter(({ name, onlyByName }) => only?.includes(name) ?? !onlyByName)) {
    const startedAt = performance.now();
    console.log(`== ${entry.name}: ${entry.what}`);
    const result = await runEntry(entry, (line) => console.log(`   ${line}`), interrupted.signal);
    if (result.kind === 'measured') rows.push(...result.rows);
    else if (result.kind === 'skipped') console.log(`   SKIPPED: ${result.reason}`);
    else {
      failed += 1;
      const { error } = result;
      console.error(`   FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
    console.log(`   ${seconds(performance.now() - startedAt)}`);
    if (interrupted.signal.aborted) return 130;
  }
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`;
  console.log(`\n${table(rows)}\n\nmachine: ${machine}`);
  writeFileSync('bench.json', `${JSON.stringify(rows, null, 2)}\n`);
  console.log('written: bench.json');
  return failed === 0 ? 0 : 1;
}

// An entry that was cut off may have left a timer or a socket behind.
process.exit(await main(process.argv.slice(2)));
