import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterProblem } from '../problem.ts';
import { CLAIMS_FOLDER } from './claim.ts';

/** Runs `work` while no other process changes the cluster of this name.
 *  @throws ClusterProblem when another one is at it. */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const path = join(CLAIMS_FOLDER, `${name}.lock`);
  await mkdir(CLAIMS_FOLDER, { recursive: true });
  await take(path, name);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string, name: string): Promise<void> {
  const self = { pid: process.pid, startedAt: await startedAt(process.pid) };
  for (;;) {
    const taken = await writeFile(path, JSON.stringify(self), { flag: 'wx' }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    );
    if (taken) return;
    const content = await readFile(path, 'utf8').catch(() => '');
    if (await isAlive(content)) {
      throw new ClusterProblem(
        `Another command (process ${(JSON.parse(content) as { pid: number }).pid}) is at work on the cluster ${name}.`,
        'Wait for it to end, or stop it, and run this again.',
      );
    }
    // Its owner was killed.
    await rm(path, { force: true });
  }
}

async function isAlive(content: string): Promise<boolean> {
  try {
    const owner = JSON.parse(content) as { pid: number; startedAt: string };
    return (await startedAt(owner.pid)) === owner.startedAt;
  } catch {
    return false;
  }
}

/** In clock ticks since boot: with the pid, this tells a process from a later one that got the same pid.
 *  @throws Error when no such process runs. */
async function startedAt(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in brackets and may hold anything, spaces too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z') throw new Error(`process ${pid} has ended`);
  return fields[19] ?? '';
}
