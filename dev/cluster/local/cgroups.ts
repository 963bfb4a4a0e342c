import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Where this machine's cgroup hierarchies are mounted. Version 1 has one per controller, version 2 one for all. */
export interface CgroupMounts {
  version: 1 | 2;
  /** Where our processes and kubelet's pods have their cgroups. */
  roots: readonly string[];
  /** Where runc may have made some besides: a version 1 machine often has the version 2 hierarchy mounted too. */
  others: readonly string[];
  /** The hierarchy by whose membership we know our processes: exact, inherited by every child, and never mistaken
   *  about a recycled pid, unlike a pid file. */
  tracking: string;
}

/** Reads the hierarchies out of /proc/self/mounts. A machine with any version 1 controller counts as version 1, as
 *  kubelet and runc see it.
 *  @throws Error when there is none. */
export function parseCgroupMounts(mounts: string): CgroupMounts {
  const rows = mounts.split('\n').map((row) => row.split(' '));
  const v1 = rows.filter(([, , type]) => type === 'cgroup');
  const unified = rows.filter(([, , type]) => type === 'cgroup2').map(([, path]) => path as string);
  const tracking = v1.find(([, , , options]) => options?.split(',').includes('pids')) ?? v1[0];
  if (tracking?.[1]) {
    const roots = [...new Set(v1.map(([, path]) => path as string))];
    return { version: 1, roots, others: unified, tracking: tracking[1] };
  }
  if (unified[0]) return { version: 2, roots: [unified[0]], others: [], tracking: unified[0] };
  throw new Error('no cgroup hierarchy is mounted below /sys/fs/cgroup');
}

export const cgroupMounts = async (): Promise<CgroupMounts> =>
  parseCgroupMounts(await readFile('/proc/self/mounts', 'utf8'));

/** Makes a cgroup for processes in every hierarchy, and gives its folders; the one we track by comes last, so that who
 *  joins them in turn has joined all once it is seen there. */
export async function makeLeaf(mounts: CgroupMounts, path: string): Promise<string[]> {
  await makeParent(mounts, dirname(path));
  const folders: string[] = [];
  for (const root of mounts.roots) {
    const folder = join(root, path);
    await mkdir(folder, { recursive: true });
    if (mounts.version === 1) await inheritCpuset(dirname(folder), folder);
    folders.push(folder);
  }
  const tracking = join(mounts.tracking, path);
  return [...folders.filter((folder) => folder !== tracking), tracking];
}

/** Makes a cgroup that holds others, in every hierarchy, with the controllers handed down. In version 2 it must hold
 *  no process itself. */
export async function makeParent(mounts: CgroupMounts, path: string): Promise<void> {
  for (const root of mounts.roots) {
    let folder = root;
    for (const part of path.split('/').filter(Boolean)) {
      const parent = folder;
      folder = join(folder, part);
      await mkdir(folder, { recursive: true });
      if (mounts.version === 2) await delegateControllers(parent);
      else await inheritCpuset(parent, folder);
    }
    if (mounts.version === 2) await delegateControllers(folder);
  }
}

async function delegateControllers(folder: string): Promise<void> {
  const available = (await readFile(join(folder, 'cgroup.controllers'), 'utf8')).split(/\s+/);
  for (const controller of ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids']) {
    if (!available.includes(controller)) continue;
    await writeFile(join(folder, 'cgroup.subtree_control'), `+${controller}`);
  }
}

/** A new cpuset of version 1 has no CPU and takes no process until it is given some. */
async function inheritCpuset(parent: string, folder: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const value = await readFile(join(parent, file), 'utf8').catch(() => undefined);
    if (value !== undefined) await writeFile(join(folder, file), value);
  }
}

/** Pids of every process in the cgroup and below it; none when there is no such cgroup. */
export async function members(mounts: CgroupMounts, path: string): Promise<number[]> {
  const pids: number[] = [];
  for (const folder of await subtree(join(mounts.tracking, path))) {
    const listed = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
    pids.push(...listed.split('\n').filter(Boolean).map(Number));
  }
  // A pid of 0 is a process of a pid namespace that this one cannot see; there is no way to signal it.
  return pids.filter((pid) => pid > 0);
}

/** The folder of a cgroup with this name, somewhere below `path`: containers' cgroups are named by their id. */
export async function findBelow(
  mounts: CgroupMounts,
  path: string,
  name: string,
): Promise<string | undefined> {
  const folders = await subtree(join(mounts.tracking, path));
  return folders
    .find((folder) => folder.endsWith(`/${name}`) || folder.endsWith(`-${name}.scope`))
    ?.slice(mounts.tracking.length);
}

/** Sends the signal to every process in the cgroup and below, and gives how many there were. */
export async function signalMembers(
  mounts: CgroupMounts,
  path: string,
  signal: NodeJS.Signals,
): Promise<number> {
  const pids = await members(mounts, path);
  for (const pid of pids) sendSignal(pid, signal);
  return pids.length;
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Kills until none is left: a process may fork between our look at the list and its end.
 *  @throws Error when some are still there after ten seconds, which only a hung kernel call explains. */
export async function killMembers(mounts: CgroupMounts, path: string): Promise<void> {
  for (let round = 0; round < 500; round++) {
    if ((await signalMembers(mounts, path, 'SIGKILL')) === 0) return;
    await delay(20);
  }
  const left = await members(mounts, path);
  throw new Error(`processes ${left.join(', ')} in cgroup ${path} do not end, even when killed`);
}

/** Removes the cgroup and all below it from every hierarchy. The kernel frees a cgroup some time after its last
 *  process ended, so this tries again for a while. */
export async function removeTree(mounts: CgroupMounts, path: string): Promise<void> {
  for (const root of [...mounts.roots, ...mounts.others]) {
    for (let round = 0; round < 250; round++) {
      const folders = (await subtree(join(root, path))).toReversed();
      if (folders.length === 0) break;
      for (const folder of folders) await rmdir(folder).catch(() => undefined);
      if (round > 0) await delay(20);
    }
  }
}

/** A cgroup's folder and those below it, parents first. */
async function subtree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (!entries) return [];
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  return [folder, ...(await Promise.all(below.map(subtree))).flat()];
}
