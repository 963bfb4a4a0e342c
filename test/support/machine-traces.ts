import { readdir, readFile, readlink } from 'node:fs/promises';
import { cgroupMounts } from '../../dev/cluster/local/cgroups.ts';
import { run } from '../../dev/cluster/run.ts';

/** Everything on this machine that a cluster could leave behind, as lines that can be compared. */
export async function machineTraces(cluster: string): Promise<string[]> {
  const lists = await Promise.all([
    processes(cluster),
    cgroups(cluster),
    commandLines('link', ['ip', '-oneline', 'link']),
    commandLines('address', ['ip', '-oneline', 'address']),
    commandLines('route', ['ip', 'route', 'show', 'table', 'all']),
    commandLines('rule', ['nft', 'list', 'ruleset']),
    commandLines('iptables', ['iptables-save']),
    commandLines('netns', ['ip', 'netns', 'list']),
    fileLines('mount', '/proc/self/mounts'),
    folders(),
    tunables(),
  ]);
  // Another cluster may come or go meanwhile; it is not the one asked about.
  return lists.flat().filter((line) => !otherCluster(cluster).test(line));
}

const otherCluster = (cluster: string) => new RegExp(`hp-(?!${cluster}\\b)[a-z0-9]+\\b`);

/** Namespaces that processes of the cluster are in: `net:[4026532201]` and the like. */
export async function namespacesOf(cluster: string): Promise<Set<string>> {
  const own = new Set(await namespacesOfProcess('self'));
  const found = new Set<string>();
  for (const pid of await pidsOf(cluster)) {
    for (const namespace of await namespacesOfProcess(pid)) if (!own.has(namespace)) found.add(namespace);
  }
  return found;
}

/** Those of the namespaces that some process is still in. */
export async function namespacesAlive(namespaces: ReadonlySet<string>): Promise<string[]> {
  const alive = new Set<string>();
  for (const pid of await allPids()) {
    if (isZombie(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))) continue;
    for (const namespace of await namespacesOfProcess(pid))
      if (namespaces.has(namespace)) alive.add(namespace);
  }
  return [...alive];
}

async function namespacesOfProcess(pid: string): Promise<string[]> {
  const kinds = ['net', 'mnt', 'pid'];
  const links = await Promise.all(kinds.map((kind) => readlink(`/proc/${pid}/ns/${kind}`).catch(() => '')));
  return links.filter(Boolean);
}

const allPids = async () => (await readdir('/proc')).filter((name) => /^\d+$/.test(name));

/** A zombie is a row in a table until its parent, which is the machine's process 1 here, looks at it. */
const isZombie = (stat: string) => /\) [ZX] /.test(stat);

/** By cgroup, and by what their command line names: a process that escaped from the cgroup would count too. */
async function pidsOf(cluster: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await allPids()) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    const [cgroup, command, stat] = await Promise.all([read('cgroup'), read('cmdline'), read('stat')]);
    if (isZombie(stat)) continue;
    if (cgroup.includes(`/hp-${cluster}/`) || command.includes(`/.cluster/${cluster}/`)) found.push(pid);
  }
  return found;
}

async function processes(cluster: string): Promise<string[]> {
  const pids = await pidsOf(cluster);
  return Promise.all(
    pids.map(async (pid) => `process ${await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => pid)}`),
  );
}

async function cgroups(cluster: string): Promise<string[]> {
  const { roots, others } = await cgroupMounts();
  const lists = await Promise.all(
    [...roots, ...others].map(async (root) => {
      const names = await readdir(root);
      return names.filter((name) => name === `hp-${cluster}`).map((name) => `cgroup ${root}/${name}`);
    }),
  );
  return lists.flat();
}

/** Folders that container programs make on a machine they run on. */
async function folders(): Promise<string[]> {
  const parents = [
    '/run',
    '/run/hyperpage',
    '/run/netns',
    '/var/lib',
    '/var/lib/cni',
    '/var/log',
    '/etc/cni',
    '/opt',
  ];
  const lists = await Promise.all(
    parents.map(async (parent) => {
      const names = await readdir(parent).catch(() => []);
      return names.map((name) => `file ${parent}/${name}`);
    }),
  );
  return lists.flat().filter((line) => !/file \/run\/hyperpage\/default|file \/run\/hyperpage$/.test(line));
}

async function tunables(): Promise<string[]> {
  const keys = [
    'vm/overcommit_memory',
    'vm/panic_on_oom',
    'kernel/panic',
    'kernel/panic_on_oops',
    'kernel/keys/root_maxkeys',
    'net/ipv4/ip_forward',
    'net/netfilter/nf_conntrack_max',
    'fs/inotify/max_user_instances',
  ];
  return Promise.all(
    keys.map(
      async (key) => `sysctl ${key} ${await readFile(`/proc/sys/${key}`, 'utf8').catch(() => 'absent')}`,
    ),
  );
}

async function commandLines(label: string, [program = '', ...args]: string[]): Promise<string[]> {
  const output = await run(program, args).catch(() => '');
  return labelled(label, output);
}

const fileLines = async (label: string, path: string) => labelled(label, await readFile(path, 'utf8'));

/** Counters and times differ from one look to the next, and mean nothing. */
const labelled = (label: string, text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => `${label} ${line.replaceAll(/\[\d+:\d+\]|expires \d+sec/g, '').trim()}`);
