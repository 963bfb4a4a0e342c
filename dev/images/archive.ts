import { createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type BuiltLayer, buildLayer, type Layer, layerCacheFolder, writeWhole } from './layer.ts';
import { normalizedImageName } from './names.ts';
import { type TarEntry, tar } from './tar.ts';

export type { Layer, LayerFile } from './layer.ts';
export { normalizedImageName } from './names.ts';

/** What a container of the image starts with. */
export interface ImageConfig {
  entrypoint?: string[];
  cmd?: string[];
  /** `NAME=value` each. */
  env?: string[];
  /** `uid`, `uid:gid` or a name out of the image's /etc/passwd. */
  user?: string;
  workingDir?: string;
  /** Such as `7070/tcp`. */
  exposedPorts?: string[];
}

export interface ImageOptions {
  /** As manifests write it; the archive holds it in full (see `normalizedImageName`). */
  name: string;
  layers: readonly Layer[];
  config: ImageConfig;
}

export interface PackedArchive {
  /** False when the archive already held exactly these images. */
  written: boolean;
  sizeBytes: number;
}

/** Packs images into the docker-archive `out`, which `ctr -n k8s.io images import` and `docker load` take, with no
 *  container engine. The same files give the same bytes. A layer that images share is in the archive once and has one
 *  digest, so that a node reads and unpacks it once; layers are kept in the per-user cache between builds. `out`
 *  appears whole or not at all. */
export async function packImages(images: readonly ImageOptions[], out: string): Promise<PackedArchive> {
  const entries = archiveEntries(await buildImages(images));
  const manifest = entries[0]?.body as Buffer;
  const before = await firstEntryBody(out, manifest.length);
  if (before && manifest.equals(before.body)) return { written: false, sizeBytes: before.fileBytes };

  await mkdir(dirname(out), { recursive: true });
  let sizeBytes = 0;
  await writeWhole(out, async function* () {
    for await (const chunk of tar(entries)) {
      sizeBytes += chunk.length;
      yield chunk;
    }
  });
  return { written: true, sizeBytes };
}

/** Packs one image (see `packImages`). */
export const packImage = ({ out, ...image }: ImageOptions & { out: string }): Promise<PackedArchive> =>
  packImages([image], out);

interface BuiltImage {
  tag: string;
  config: Buffer;
  layers: readonly BuiltLayer[];
}

/** A layer that several images name by the same object is built once, and one after another: they read big files. */
async function buildImages(images: readonly ImageOptions[]): Promise<BuiltImage[]> {
  const cacheFolder = layerCacheFolder(process.env);
  const built = new Map<Layer, BuiltLayer>();
  for (const layer of images.flatMap(({ layers }) => layers)) {
    if (!built.has(layer)) built.set(layer, await buildLayer(layer, cacheFolder));
  }
  return images.map(({ name, config, layers: parts }) => {
    const layers = parts.map((layer) => built.get(layer) as BuiltLayer);
    return {
      tag: normalizedImageName(name),
      config: Buffer.from(JSON.stringify(imageConfig(config, layers))),
      layers,
    };
  });
}

/** manifest.json comes first: it names configs and layers by digest, and so tells whether an archive is up to date. */
function archiveEntries(images: readonly BuiltImage[]): TarEntry[] {
  const entries = new Map<string, TarEntry>();
  const add = (path: string, body: NonNullable<TarEntry['body']>) => {
    entries.set(path, { path, kind: 'file', mode: 0o644, uid: 0, gid: 0, body });
    return path;
  };
  const manifest = images.map((image) => ({
    Config: add(`${createHash('sha256').update(image.config).digest('hex')}.json`, image.config),
    RepoTags: [image.tag],
    Layers: image.layers.map(({ diffId, file, sizeBytes }) =>
      add(`${diffId.replace('sha256:', '')}.tar`, { from: file, sizeBytes }),
    ),
  }));
  const files = [...entries.values()];
  add('manifest.json', Buffer.from(JSON.stringify(manifest)));
  return [entries.get('manifest.json') as TarEntry, ...files];
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64' };

/** The image's config in the Docker v1.2 / OCI form; its digest is the image's id. */
const imageConfig = (config: ImageConfig, layers: readonly BuiltLayer[]) => ({
  architecture: ARCHITECTURES[process.arch] ?? process.arch,
  os: 'linux',
  created: '1970-01-01T00:00:00Z',
  config: {
    Entrypoint: config.entrypoint,
    Cmd: config.cmd,
    Env: config.env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    User: config.user,
    WorkingDir: config.workingDir,
    ExposedPorts: config.exposedPorts && Object.fromEntries(config.exposedPorts.map((port) => [port, {}])),
  },
  rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  history: layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'hyperpage dev/images' })),
});

async function firstEntryBody(
  file: string,
  length: number,
): Promise<{ body: Buffer; fileBytes: number } | undefined> {
  const opened = await open(file).catch(() => undefined);
  if (!opened) return undefined;
  try {
    const { buffer } = await opened.read(Buffer.alloc(length), 0, length, 512);
    return { body: buffer, fileBytes: (await opened.stat()).size };
  } finally {
    await opened.close();
  }
}
