import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a build read and wrote, and what it told. Files by their paths below the checkout. */
interface BuildRecord<T> {
  stamps: Readonly<Record<string, string>>;
  result: T;
}

/** Gives the result of the build recorded in `file` if all that it read and wrote is as it was, and undefined
 *  otherwise. What this cannot see is a new file that an import would now find before the one it found. */
export async function recordedResult<T>(file: string, root: string): Promise<T | undefined> {
  try {
    const { stamps, result } = JSON.parse(await readFile(file, 'utf8')) as BuildRecord<T>;
    const same = await Promise.all(
      Object.entries(stamps).map(async ([path, stamp]) => (await fileStamp(path, root)).stamp === stamp),
    );
    return same.every(Boolean) ? result : undefined;
  } catch {
    // No record, a torn one, or a file that is gone: build.
    return undefined;
  }
}

/** Records a build that began at `begunMs` (milliseconds since the epoch). Nothing is recorded when a file that it
 *  read changed since then: nobody knows which of its states went in. */
export async function recordResult(
  file: string,
  build: {
    root: string;
    begunMs: number;
    read: readonly string[];
    wrote: readonly string[];
    result: unknown;
  },
): Promise<void> {
  const { root, begunMs, read, wrote, result } = build;
  const stamps: Record<string, string> = {};
  for (const path of [...read, ...wrote]) {
    const { stamp, changedMs } = await fileStamp(path, root);
    if (changedMs >= begunMs && !wrote.includes(path)) return;
    stamps[path] = stamp;
  }
  await writeFile(file, JSON.stringify({ stamps, result } satisfies BuildRecord<unknown>));
}

async function fileStamp(path: string, root: string): Promise<{ stamp: string; changedMs: number }> {
  const { size, mtimeMs } = await stat(join(root, path));
  return { stamp: `${size} ${mtimeMs}`, changedMs: mtimeMs };
}
