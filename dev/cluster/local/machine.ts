import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CgroupMounts, killMembers, makeLeaf, makeParent, members, signalMembers } from './cgroups.ts';

/** A machine of the cluster: network, mount and pid namespaces of its own, held open by its process 1. When that
 *  process ends the kernel ends every other in it, and with them go its mounts, links, routes and firewall rules. So
 *  a machine leaves nothing behind, however it dies. */
export interface Machine {
  name: string;
  folder: string;
  logs: string;
  cgroup: string;
  mounts: CgroupMounts;
  /** The static program that is process 1. */
  init: string;
  /** Folders that must stay visible although the machine has its own /run, /var/lib and /var/log. */
  visible: readonly string[];
}

/** kubelet sets these for the whole kernel. In a machine it finds them set already, on files of the machine's own, and
 *  leaves the real ones alone. */
const KUBELET_TUNABLES: Readonly<Record<string, string>> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

/** What process 1 does before it becomes the program that waits. All mounts are private to the machine: programs with
 *  paths built in (kubelet's /var/log/containers, the shims' /run/containerd, CNI's /var/lib/cni) write to its own. */
function initScript({ folder, visible, init }: Machine): string {
  const own = (path: string) => quoted(join(folder, 'root', path));
  const lines = ['set -e', 'mount -t proc proc /proc'];
  for (const path of ['/var/lib', '/var/log']) {
    lines.push(`mkdir -p ${own(path)}`);
    for (const kept of visible.filter((kept) => kept.startsWith(`${path}/`))) {
      lines.push(`mkdir -p ${own(kept)}`, `mount --rbind ${quoted(kept)} ${own(kept)}`);
    }
    lines.push(`mount --rbind ${own(path)} ${path}`);
  }
  lines.push('mount -t tmpfs tmpfs /run', 'mkdir -p /run/tmp /run/netns /run/tunables');
  for (const [key, value] of Object.entries(KUBELET_TUNABLES)) {
    const file = `/run/tunables/${key.replaceAll('/', '.')}`;
    lines.push(
      `echo ${value} > ${file}`,
      `[ ! -e /proc/sys/${key} ] || mount --bind ${file} /proc/sys/${key}`,
    );
  }
  lines.push('echo 1 > /proc/sys/net/ipv4/ip_forward', 'mount --make-rshared /', 'ip link set lo up');
  lines.push('echo booted', `exec ${quoted(init)} >&2`);
  return lines.join('\n');
}

const quoted = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;

/** Starts process 1 unless it runs, and waits until its namespaces are in place. */
export async function boot(machine: Machine): Promise<void> {
  if (await namespaceHolder(machine)) return;
  await killMembers(machine.mounts, machine.cgroup);
  await makeParent(machine.mounts, machine.cgroup);
  await mkdir(machine.folder, { recursive: true });
  await mkdir(machine.logs, { recursive: true });
  const leaf = await makeLeaf(machine.mounts, `${machine.cgroup}/init`);
  const script = join(machine.folder, 'init.sh');
  await writeFile(script, initScript(machine));
  const namespaces = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child'];
  const child = await launch(machine, 'init', leaf, [...namespaces, 'sh', script], 'pipe');
  await untilBooted(machine, child);
}

function untilBooted(machine: Machine, child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', () => {
      child.stdout?.destroy();
      resolve();
    });
    child.once('exit', () => {
      const log = logPath(machine, 'init');
      reject(new Error(`the namespaces of ${machine.name} could not be made; ${log} has what was said`));
    });
  });
}

/** The pid on the host through which the machine's namespaces are reached: that of `unshare`, process 1's parent. */
export async function namespaceHolder(machine: Machine): Promise<number | undefined> {
  for (const pid of await members(machine.mounts, `${machine.cgroup}/init`)) {
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    if (name.trim() === 'unshare') return pid;
  }
  return undefined;
}

/** @throws Error when the machine is off. */
export async function holderOf(machine: Machine): Promise<number> {
  const pid = await namespaceHolder(machine);
  if (pid === undefined) throw new Error(`${machine.name} is off`);
  return pid;
}

export interface Daemon {
  name: string;
  argv: readonly [string, ...string[]];
  env?: Readonly<Record<string, string>>;
}

/** Starts a program inside the machine unless it runs there already. */
export async function startDaemon(machine: Machine, daemon: Daemon): Promise<void> {
  if (await isRunning(machine, daemon.name)) return;
  const holder = `/proc/${await holderOf(machine)}/ns`;
  const leaf = await makeLeaf(machine.mounts, `${machine.cgroup}/${daemon.name}`);
  const enter = [
    'nsenter',
    `--net=${holder}/net`,
    `--mount=${holder}/mnt`,
    `--pid=${holder}/pid_for_children`,
  ];
  const env = Object.entries({ TMPDIR: '/run/tmp', ...daemon.env }).map(([key, value]) => `${key}=${value}`);
  const child = await launch(machine, daemon.name, leaf, [...enter, 'env', ...env, ...daemon.argv], 'ignore');
  child.unref();
}

export const isRunning = async (machine: Machine, daemon: string): Promise<boolean> =>
  (await members(machine.mounts, `${machine.cgroup}/${daemon}`)).length > 0;

export const stopDaemon = (machine: Machine, daemon: string): Promise<void> =>
  killMembers(machine.mounts, `${machine.cgroup}/${daemon}`);

/** Gives how many processes got the signal. */
export const signalDaemon = (machine: Machine, daemon: string, signal: NodeJS.Signals): Promise<number> =>
  signalMembers(machine.mounts, `${machine.cgroup}/${daemon}`, signal);

/** Ends everything in the machine at once, as a power cut would. */
export const powerOff = (machine: Machine): Promise<void> => killMembers(machine.mounts, machine.cgroup);

export const logPath = (machine: Machine, daemon: string): string =>
  join(machine.logs, `${machine.name}-${daemon}.log`);

/** Joins the cgroup first and becomes the program then, so that there is no moment at which `down` would miss it. */
async function launch(
  machine: Machine,
  name: string,
  leaf: readonly string[],
  argv: readonly string[],
  stdout: 'pipe' | 'ignore',
): Promise<ChildProcess> {
  const log = await open(logPath(machine, name), 'a');
  try {
    const join = leaf.map((folder) => `echo 0 > '${folder}/cgroup.procs' && `).join('');
    const child = spawn('sh', ['-c', `${join}exec "$@"`, 'sh', ...argv], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', stdout === 'pipe' ? 'pipe' : log.fd, log.fd],
    });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    const tracking = `${leaf.at(-1)}/cgroup.procs`;
    const joined = async () => (await readFile(tracking, 'utf8')).includes(`${child.pid}\n`);
    while (child.exitCode === null && !(await joined())) await delay(2);
    child.unref();
    return child;
  } finally {
    await log.close();
  }
}

/** @throws Error with the end of its log, when the daemon has ended. */
export async function requireAlive(machine: Machine, daemon: string): Promise<void> {
  if (await isRunning(machine, daemon)) return;
  const log = await readFile(logPath(machine, daemon), 'utf8').catch(() => '');
  const tail = log.trim().split('\n').slice(-5).join('\n');
  throw new Error(`${daemon} of ${machine.name} ended by itself; its log ends with\n${tail}`);
}
