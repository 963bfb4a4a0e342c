import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A Secret in a folder, as kubelet mounts it: all files change at once, when a symbolic link is swapped. */
export interface MountedSecret {
  readonly folder: string;
  /** The mounted path of a file. */
  path(name: string): string;
  change(files: Record<string, string>): Promise<void>;
  remove(): Promise<void>;
}

export async function mountSecret(first: Record<string, string>): Promise<MountedSecret> {
  const folder = await mkdtemp(join(tmpdir(), 'hyperpage-secret-'));
  const linked = new Set<string>();
  let version = 0;
  const change = async (files: Record<string, string>) => {
    version += 1;
    const target = `..version_${version}`;
    await mkdir(join(folder, target));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, target, name), text);
    await symlink(target, join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    for (const name of Object.keys(files)) {
      if (!linked.has(name)) await symlink(join('..data', name), join(folder, name));
      linked.add(name);
    }
    await rm(join(folder, `..version_${version - 1}`), { recursive: true, force: true });
  };
  await change(first);
  return {
    folder,
    path: (name) => join(folder, name),
    change,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
