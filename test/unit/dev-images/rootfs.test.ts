import { lstat, mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeRootfs } from '../../../dev/images/rootfs.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hyperpage-rootfs-'));
});
afterEach(() => rm(folder, { recursive: true }));

// Only root can give files to other owners.
const describeAsRoot = process.getuid?.() === 0 ? describe : describe.skip;

describeAsRoot('a layer written to a folder', () => {
  test('has the modes, owners, links and times that the packed layer has', async () => {
    await writeRootfs(
      {
        files: [
          { path: '/tmp', directory: true, mode: 0o1777 },
          { path: '/app/main.js', content: 'x', mode: 0o640, uid: 65532, gid: 65532 },
          { path: '/bin/sh', link: 'busybox' },
        ],
      },
      folder,
    );
    const seen = async (path: string) => {
      const { mode, uid, gid, mtimeMs } = await lstat(join(folder, path));
      return { mode: mode & 0o7777, uid, gid, mtimeMs };
    };
    expect(await seen('tmp')).toEqual({ mode: 0o1777, uid: 0, gid: 0, mtimeMs: 0 });
    expect(await seen('app')).toEqual({ mode: 0o755, uid: 0, gid: 0, mtimeMs: 0 });
    expect(await seen('app/main.js')).toEqual({ mode: 0o640, uid: 65532, gid: 65532, mtimeMs: 0 });
    expect(await readlink(join(folder, 'bin/sh'))).toBe('busybox');
    expect(await readFile(join(folder, 'app/main.js'), 'utf8')).toBe('x');
  });
});
