/** `make simulate`: the election under every fault at once, seed after seed, without cluster and without waiting: see
 *  test/unit/runtime/election/simulator.ts for the world. */
import { parseArgs } from 'node:util';
import { simulate } from '../unit/runtime/election/simulator.ts';

const USAGE = `Plays the leader election in a simulated world with every fault at once, and checks after each event that
no two pods lead (E1) and that terms grow (E2).

Usage: make simulate [SEEDS=n] [SEED=n]
       node test/simulate/main.ts [--seeds n] [--from n] [--seed n] [--lease-only]

  --seeds N      how many worlds (1000), each of two simulated minutes
  --from N       the first seed (1)
  --seed N       plays one world and prints everything that happens in it
  --lease-only   without electors: a leader is replaced when its Lease has run out

It ends with 0 when nothing was violated, with 1 when something was, with 2 when the command is wrong.`;

function numberOf(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  console.error(`--${name} is ${JSON.stringify(text)}; it wants a whole number from 1 on`);
  process.exit(2);
}

function optionsOf(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        seeds: { type: 'string' },
        from: { type: 'string' },
        seed: { type: 'string' },
        'lease-only': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

/** Plays one world, and prints its transcript. Gives whether all was well. */
function replay(seed: number, electors: boolean): boolean {
  const { violations } = simulate(seed, { electors, transcript: (line) => console.log(line) });
  console.log(violations.length === 0 ? '\nNothing was violated.' : `\n${violations.join('\n')}`);
  return violations.length === 0;
}

const PROGRESS_MS = 5_000;

/** Plays many worlds. Gives whether all was well in each. */
function playAll(from: number, count: number, electors: boolean): boolean {
  const faults = new Map<string, number>();
  const gaps: number[] = [];
  const violated: string[] = [];
  let acquired = 0;
  let toldMs = performance.now();
  for (let seed = from; seed < from + count; seed += 1) {
    const outcome = simulate(seed, { electors });
    acquired += outcome.acquired;
    gaps.push(...outcome.gapsMs);
    for (const [name, times] of outcome.faults) faults.set(name, (faults.get(name) ?? 0) + times);
    for (const what of outcome.violations) violated.push(`seed ${seed}, ${what}`);
    if (performance.now() - toldMs < PROGRESS_MS) continue;
    toldMs = performance.now();
    console.error(`  … ${seed - from + 1} of ${count} worlds, ${violated.length} violations`);
  }
  gaps.sort((a, b) => a - b);
  const at = (part: number) => `${Math.round(gaps[Math.floor(gaps.length * part)] ?? 0)} ms`;
  const rows: Array<[string, string]> = [
    ['worlds', `${count}, each of two minutes, from seed ${from} on`],
    ...[...faults]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, times]): [string, string] => [name, String(times)]),
    ['leaders', String(acquired)],
    ['without one', `p50 ${at(0.5)}, p90 ${at(0.9)} (faults overlap, and many last for seconds)`],
    ['violations', String(violated.length)],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(20)}${value}`);
  for (const what of violated.slice(0, 20)) console.log(what);
  if (violated.length > 0) console.log('Replay one: make simulate SEED=…');
  return violated.length === 0;
}

const options = optionsOf(process.argv.slice(2));
if (options.help) {
  console.log(USAGE);
} else {
  const electors = options['lease-only'] !== true;
  const well =
    options.seed === undefined
      ? playAll(numberOf('from', options.from, 1), numberOf('seeds', options.seeds, 1000), electors)
      : replay(numberOf('seed', options.seed, 1), electors);
  process.exitCode = well ? 0 : 1;
}
