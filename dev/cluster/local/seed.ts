import { createHash } from 'node:crypto';
import { access, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { run } from '../run.ts';
import { isStaging, withStaging } from '../staging.ts';
import {
  containerdConfig,
  containerdRoot,
  importImage,
  runContainerd,
  snapshotterFor,
} from './containerd.ts';
import { boot, isRunning, type Machine, powerOff, signalDaemon } from './machine.ts';
import { until } from './wait.ts';

/** A containerd root that has the cluster's own images unpacked already, made once for each user. Nodes start from a
 *  copy whose files are hard links, so it takes no time and no space, and a program's pages are in memory once for
 *  all nodes. That is safe: containers never write to an image's layers but to a layer of their own above them, and
 *  removing an image unlinks the node's names only. */
export async function ensureSeed(machine: Machine, archives: readonly string[]): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hyperpage', 'seeds');
  await mkdir(cache, { recursive: true });
  const key = await seedKey(cache, archives);
  const seed = join(cache, key);
  if (await exists(seed)) return seed;
  await withStaging(cache, key, async (staging) => {
    try {
      await makeSeed({ ...machine, folder: staging }, archives);
    } finally {
      await powerOff(machine);
    }
    await rename(containerdRoot(staging), seed).catch(async (error: unknown) => {
      // Another start has made the same one meanwhile.
      if (!(await exists(seed))) throw error;
    });
  });
  await removeOthers(cache, key);
  return seed;
}

async function seedKey(cache: string, archives: readonly string[]): Promise<string> {
  const digest = createHash('sha256').update(await run('containerd', ['--version']));
  digest.update(await snapshotterFor(cache));
  for (const archive of archives) {
    const { size, mtimeMs } = await stat(archive);
    digest.update(`${basename(archive)} ${size} ${mtimeMs}\n`);
  }
  return digest.digest('hex').slice(0, 16);
}

async function makeSeed(machine: Machine, archives: readonly string[]): Promise<void> {
  await boot(machine);
  const config = join(machine.folder, 'containerd.toml');
  await writeFile(config, await containerdConfig(machine.folder, 'unused'));
  await runContainerd(machine, config);
  for (const archive of archives) await importImage(machine, archive);
  // Asked to, it closes its databases in order.
  await signalDaemon(machine, 'containerd', 'SIGTERM');
  await until('containerd to close', async () => !(await isRunning(machine, 'containerd')));
}

/** Seeds of earlier versions; nodes that were made of them keep their links. */
async function removeOthers(cache: string, key: string): Promise<void> {
  const seeds = await readdir(cache);
  const old = seeds.filter((name) => name !== key && !isStaging(name));
  await Promise.all(old.map((name) => rm(join(cache, name), { recursive: true, force: true })));
}

/** Makes a node's containerd root out of a seed, unless the node has one. */
export async function plantSeed(seed: string, root: string): Promise<void> {
  if (await exists(root)) return;
  const staging = `${root}.new`;
  await rm(staging, { recursive: true, force: true });
  await run('cp', ['--archive', '--link', seed, staging]).catch(async () => {
    // The cache is on another file system.
    await rm(staging, { recursive: true, force: true });
    await run('cp', ['--archive', '--reflink=auto', seed, staging]);
  });
  // Databases are written in place, so each node needs its own.
  for (const database of (await run('find', [staging, '-name', '*.db', '-type', 'f']))
    .split('\n')
    .filter(Boolean)) {
    await run('cp', ['--archive', database, `${database}.own`]);
    await rename(`${database}.own`, database);
  }
  await rename(staging, root);
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
