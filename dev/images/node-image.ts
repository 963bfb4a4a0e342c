import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { IMAGES } from '@hyperpage/contract';
import { run } from '../command.ts';
import type { ImageConfig, ImageOptions } from './archive.ts';
import type { Program } from './bundle.ts';
import { type Layer, type LayerFile, layerCacheFolder } from './layer.ts';
import { librariesOf } from './libraries.ts';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const NODE = '/usr/local/bin/node';
// The sidecar is paid for once per pod, so its heap is collected after half of it was added again, and once when it has
// started (sidecar/src/main.ts). --optimize-for-size takes 10 MiB less under load, at nearly twice the CPU of a request: it
// holds the young generation at 1 MiB, where what requests under way hold is taken for old. The operator has no such load.
const HEAPS: Record<Program, string[]> = {
  sidecar: ['--max-semi-space-size=2', '--heap-growing-percent=50', '--expose-gc'],
  operator: ['--max-semi-space-size=1', '--optimize-for-size'],
  example: [],
};
// One thread does nearly all the work, and malloc's arenas for the others cost 1 to 3 MB.
const ONE_ARENA = 'MALLOC_ARENA_MAX=1';

/** Images of our programs: Node with its libraries, and `/app` with the bundle. No shell, no package manager; user
 *  65532, and nothing in it needs to be written. The Dockerfiles lay out the same tree. The layer with Node is one
 *  and the same object in all of them. */
export async function nodeImages(programs: readonly Program[], root: string): Promise<ImageOptions[]> {
  const node = await nodeLayer(root);
  return Promise.all(
    programs.map(async (program) => ({
      name: IMAGES[program],
      layers: [node, await appLayer(program, root)],
      config: nodeImageConfig(program),
    })),
  );
}

/** What a container of the program's image starts with; the Dockerfile says the same. */
export const nodeImageConfig = (program: Program): ImageConfig => ({
  entrypoint: [NODE, ...HEAPS[program], '/app/main.js'],
  env: [PATH, 'NODE_ENV=production', ...(program === 'example' ? [] : [ONE_ARENA])],
  user: '65532:65532',
  workingDir: '/app',
});

async function nodeLayer(root: string): Promise<Layer> {
  const node = join(root, 'node_modules/node/bin/node');
  const certificates = '/etc/ssl/certs/ca-certificates.crt';
  return {
    files: [
      { path: NODE, from: await stripped(node, layerCacheFolder(process.env)), mode: 0o755 },
      ...(await librariesOf([node])),
      {
        path: '/etc/passwd',
        content: 'root:x:0:0:root:/root:\nnonroot:x:65532:65532:nonroot:/home/nonroot:\n',
      },
      { path: '/etc/group', content: 'root:x:0:\nnonroot:x:65532:\n' },
      { path: '/etc/nsswitch.conf', content: 'hosts: files dns\n' },
      // Node has roots of its own; the file is for those who set NODE_EXTRA_CA_CERTS or --use-openssl-ca.
      ...((await exists(certificates)) ? [{ path: certificates, from: certificates }] : []),
      { path: '/home/nonroot', directory: true, mode: 0o700, uid: 65532, gid: 65532 },
      { path: '/tmp', directory: true, mode: 0o1777 },
    ],
  };
}

async function appLayer(program: Program, root: string): Promise<Layer> {
  // Source maps stay with the build: reading one for a stack trace would take more memory than a sidecar has.
  const files = (await folderFiles(join(root, 'dist', program), '/app')).filter(
    ({ path }) => !path.endsWith('.map'),
  );
  if (!files.some(({ path }) => path === '/app/main.js'))
    throw new Error(`dist/${program} holds no bundle: build it`);
  // Without the package.json Node reads the bundle twice to find out that it is a module.
  return { files: [...files, { path: '/app/package.json', content: '{"type":"module"}\n' }] };
}

/** Every file below `from`, to be placed below `to`. */
async function folderFiles(from: string, to: string): Promise<LayerFile[]> {
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: join(to, file.slice(from.length)), from: file, mode: 0o644 }));
}

/** `program` without its symbol table, which is 18 MB of Node's 126; as it is where binutils is not installed. */
async function stripped(program: string, cacheFolder: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(program, { highWaterMark: 1 << 20 }), hash);
  const file = join(cacheFolder, `stripped-${hash.digest('hex')}`);
  if (await exists(file)) return file;
  await mkdir(cacheFolder, { recursive: true });
  const partial = `${file}.${process.pid}.partial`;
  const works = async (command: string, args: string[]) => (await run(command, args)).code === 0;
  try {
    if (!(await works('strip', ['-o', partial, program])) || !(await works(partial, ['--version'])))
      return program;
    await rename(partial, file);
    return file;
  } catch {
    return program;
  } finally {
    await rm(partial, { force: true });
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
