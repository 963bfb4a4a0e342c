import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const STAGING = /^\.staging-(\d+)-/;

/** Runs `work` with an empty folder inside `folder`, from which finished files are renamed to where they belong, so
 *  that nothing half-made is ever found there. Folders of processes that were killed meanwhile are removed first. */
export async function withStaging<T>(
  folder: string,
  label: string,
  work: (staging: string) => Promise<T>,
): Promise<T> {
  const staging = join(folder, `.staging-${process.pid}-${label}`);
  await mkdir(folder, { recursive: true });
  await removeAbandoned(folder);
  await mkdir(staging, { recursive: true });
  try {
    return await work(staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

export const isStaging = (name: string): boolean => STAGING.test(name);

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = STAGING.exec(name)?.[1];
    if (pid === undefined || Number(pid) === process.pid) continue;
    const alive = await access(`/proc/${pid}`).then(
      () => true,
      () => false,
    );
    if (!alive) await rm(join(folder, name), { recursive: true, force: true });
  }
}
