import { parseArgs } from 'node:util';
import { BINARY_NAMES, type BinaryName, ensureBinaries } from './binaries.ts';
import { FAULT_USAGE, FaultRefused, runFault } from './faults.ts';
import { DEFAULT_NAME, MAX_NODES } from './local/layout.ts';
import { searchPath } from './local/prerequisites.ts';
import { ClusterProblem } from './problem.ts';
import { inWords, terminalProgress } from './progress.ts';
import { openCluster, parseNodes } from './provider.ts';

const USAGE = `A Kubernetes on this machine, to develop and test on.

Usage: node dev/cluster/main.ts COMMAND [--name NAME]

  up [--nodes 1..${MAX_NODES}]     bring the cluster up, or complete it (1 node unless told)
  down                 remove all of it, in whatever state it is
  status               what runs
  load ARCHIVE…        put images (docker-archives) into every node
  binaries [NAME…]     find or build the programs a cluster is made of, and print their paths
${FAULT_USAGE}

--name NAME            another cluster beside the usual one (${DEFAULT_NAME})

It runs in kind where a Docker engine answers, else as a cluster of the project's own, which needs root.
HYPERPAGE_CLUSTER_PROVIDER=kind or local decides otherwise. KUBEBUILDER_ASSETS may name a folder with programs.`;

const progress = terminalProgress();

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseCommandLine(args);
  const [command, ...operands] = positionals;
  if (values.help || command === undefined || command === 'help') return progress.say(USAGE);
  if (command === 'binaries') return binaries(operands);
  const act = commands[command as keyof typeof commands];
  if (!Object.hasOwn(commands, command)) throw wrongUsage(`There is no command ${JSON.stringify(command)}.`);
  const nodes = parseNodes(values.nodes ?? '1');
  await act(await openCluster({ name: values.name ?? DEFAULT_NAME, progress }), operands, nodes);
}

type Cluster = Awaited<ReturnType<typeof openCluster>>;

const commands = {
  async up(cluster: Cluster, _: readonly string[], nodes: number) {
    await cluster.up({ nodes });
    progress.say(`Ready after ${progress.elapsed()}. To use it: export KUBECONFIG=${cluster.kubeconfig}`);
  },
  async down(cluster: Cluster) {
    const removed = await cluster.down();
    progress.say(
      removed ? `The cluster is removed (${progress.elapsed()}).` : 'There is no cluster; nothing to remove.',
    );
  },
  async status(cluster: Cluster) {
    for (const line of await cluster.status()) progress.say(line);
  },
  async load(cluster: Cluster, archives: readonly string[]) {
    if (archives.length === 0) throw wrongUsage('Say which archives to load.');
    await cluster.loadImages(archives);
  },
  async fault(cluster: Cluster, words: readonly string[]) {
    await runFault(cluster.faults, words);
  },
};

async function binaries(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !BINARY_NAMES.some((known) => known === name));
  if (unknown) throw wrongUsage(`There is no program ${unknown}; there are ${BINARY_NAMES.join(', ')}.`);
  const wanted = names.length > 0 ? (names as BinaryName[]) : BINARY_NAMES.filter((name) => name !== 'kind');
  for (const path of Object.values(await ensureBinaries(wanted, progress))) progress.say(path);
}

function parseCommandLine(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { name: { type: 'string' }, nodes: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw wrongUsage((error as Error).message);
  }
}

const wrongUsage = (message: string) =>
  new ClusterProblem(message, 'node dev/cluster/main.ts --help lists the commands.');

/** Ends at once: steps that ran side by side may still be at it. */
function fail(error: unknown): never {
  if (error instanceof ClusterProblem) process.stderr.write(`\n${error.message}\n\n${error.fix}\n`);
  else if (error instanceof FaultRefused) process.stderr.write(`${error.message}\n`);
  else process.stderr.write(`${(error as Error).stack}\n`);
  process.exit(1);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.stderr.write(
      `\nStopped after ${inWords(performance.now())}. \`make cluster\` goes on from here; \`make cluster-down\` removes what there is.\n`,
    );
    process.exit(130);
  });
}

process.env['PATH'] = searchPath(process.env['PATH']);
main(process.argv.slice(2)).catch(fail);
