import { access, readFile, rm } from 'node:fs/promises';
import { run } from '../run.ts';
import { type CgroupMounts, killMembers, members, removeTree } from './cgroups.ts';
import type { ClusterLayout } from './layout.ts';
import { removeHostLink } from './network.ts';

/** Removes all of a cluster that is there, in whatever state: processes, and with the last of them the namespaces,
 *  their mounts, links and rules; the host's link and route; cgroups; files. Gives false when there was nothing. */
export async function erase(layout: ClusterLayout, mounts: CgroupMounts): Promise<boolean> {
  const running = (await members(mounts, layout.cgroup)).length > 0;
  await killMembers(mounts, layout.cgroup);
  const linked = await removeHostLink(layout);
  await unmountBelow(layout.folder);
  await removeTree(mounts, layout.cgroup);
  const kept = await exists(layout.folder);
  await rm(layout.folder, { recursive: true, force: true });
  await rm(layout.kubeconfig, { force: true });
  return running || linked || kept;
}

/** Mounts are made in the machines' own namespaces and go with them. Should one be on the host's side all the same,
 *  removing files below it would remove what is mounted there. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const targets = mounts.split('\n').map((row) => row.split(' ')[1] ?? '');
  for (const target of targets.filter((path) => path.startsWith(`${folder}/`)).toReversed()) {
    await run('umount', ['--lazy', target]);
  }
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
