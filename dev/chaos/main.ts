/** `make chaos`: faults on a real cluster, writers, and a checker of what they were promised. */
import { randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { searchPath } from '../cluster/local/prerequisites.ts';
import { ClusterProblem } from '../cluster/problem.ts';
import { terminalProgress } from '../cluster/progress.ts';
import { KIND_NAMES, type KindName, missingFor, type Need } from './catalogue.ts';
import { confirm } from './confirm.ts';
import { type Options, readOptions, USAGE, UsageError } from './options.ts';
import { OWN_PLACE, ownPlace, type Place, serverOf, theirPlace } from './place.ts';
import { describeSteps, planRounds } from './plan.ts';
import { faultsFound, type Report, reportLines } from './report.ts';
import { runChaos } from './run.ts';

const MAX_SEED = 1_000_000;
const colour = process.stdout.isTTY && !process.env['NO_COLOR'];
const paint = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
const progress = terminalProgress();

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.help) {
    progress.say(USAGE);
    return 0;
  }
  const seed = options.seed ?? randomInt(1, MAX_SEED);
  const place = await placeOf(options);
  const kinds = kindsAt(place?.has ?? OWN_PLACE, options.kinds);
  if (options.plan || !place) return printPlan(seed, options, kinds);
  if (options.target && !options.yes) {
    const { namespace, cluster } = options.target;
    const server = await serverOf(place);
    await confirm({ namespace, cluster, server, rounds: options.rounds, kinds }, progress.say);
  }
  progress.say(`\n${paint(1)(`${options.rounds} rounds with seed ${seed}`)}`);
  const report = await runChaos({
    place,
    seed,
    kinds,
    progress,
    rounds: options.rounds,
    signal: interruption(),
    ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
  });
  await tell(report, options);
  return faultsFound(report).length === 0 ? 0 : 1;
}

/** Nothing is touched for the plan of the project's own place. */
async function placeOf({ target, plan }: Options): Promise<Place | undefined> {
  if (target) return theirPlace(target, progress);
  return plan ? undefined : ownPlace(progress);
}

function kindsAt(has: ReadonlySet<Need>, wanted: readonly KindName[] | undefined): KindName[] {
  const impossible = (wanted ?? []).find((name) => missingFor(name, has).length > 0);
  if (impossible)
    throw new UsageError(
      `${impossible} is not possible there: it needs ${missingFor(impossible, has).join(' and ')}.`,
    );
  return [...(wanted ?? KIND_NAMES.filter((name) => missingFor(name, has).length === 0))];
}

function printPlan(seed: number, { rounds }: Options, kinds: readonly KindName[]): number {
  for (const { number, kind, steps } of planRounds({ seed, rounds, kinds }))
    progress.say(`${String(number).padStart(4)}  ${kind}: ${describeSteps(steps)}`);
  return 0;
}

async function tell(report: Report, options: Options): Promise<void> {
  progress.say('');
  for (const line of reportLines(report, { bold: paint(1), red: paint(31) })) progress.say(line);
  const faults = options.kinds ? ` FAULTS=${options.kinds.join(',')}` : '';
  const again = `make chaos SEED=${report.seed} ROUNDS=${report.planned}${faults}${targetArgs(options)}`;
  progress.say(`The same faults again: ${again}`);
  if (options.json) await writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
}

function targetArgs({ target }: Options): string {
  if (!target) return '';
  const { kubeconfig, context, namespace, cluster } = target;
  const flags = Object.entries({ cluster, namespace, kubeconfig, context })
    .filter(([, value]) => value !== undefined)
    .map(([flag, value]) => `--${flag} ${value}`);
  return ` ARGS="${flags.join(' ')}"`;
}

/** The first Ctrl-C ends the rounds and mends what is broken; the second ends at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      progress.say('\n  Stopping: what is broken is being mended. Once more to end at once.');
      controller.abort();
    });
  }
  return controller.signal;
}

process.env['PATH'] = searchPath(process.env['PATH']);
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError)
    process.stderr.write(`${error.message}\nnode dev/chaos/main.ts --help tells more.\n`);
  else if (error instanceof ClusterProblem) process.stderr.write(`\n${error.message}\n\n${error.fix}\n`);
  else process.stderr.write(`\nIt stopped: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
