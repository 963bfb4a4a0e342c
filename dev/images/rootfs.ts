import { chmod, chown, copyFile, lutimes, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Layer, tarEntries } from './layer.ts';
import type { TarEntry } from './tar.ts';

/** Writes a layer's files below `folder` as a container sees them, with their modes and owners and every time 0: for
 *  the Dockerfiles, whose images hold the very trees that are packed without Docker. Needs root for other owners. */
export async function writeRootfs(layer: Layer, folder: string): Promise<void> {
  const entries = await tarEntries(layer);
  await mkdir(folder, { recursive: true });
  for (const entry of entries) await writeEntry(entry, join(folder, entry.path));
  // From the leaves up: writing into a folder changes its time.
  for (const { path } of entries.reverse()) await lutimes(join(folder, path), 0, 0);
}

async function writeEntry({ kind, mode, uid, gid, target, body }: TarEntry, path: string): Promise<void> {
  if (kind === 'symlink') {
    await symlink(target as string, path);
    return;
  }
  if (kind === 'directory') await mkdir(path, { recursive: true });
  else if (Buffer.isBuffer(body)) await writeFile(path, body);
  else if (body) await copyFile(body.from, path);
  // Before the mode: a change of owner clears the set-id bits.
  await chown(path, uid, gid);
  await chmod(path, mode);
}
