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

export interface PackedImage {
  /** False when the archive already held exactly this image. */
  written: boolean;
  sizeBytes: number;
}

/** Packs an image into the docker-archive `out`, which `ctr -n k8s.io images import` and `docker load` take, with no
 *  container engine. The same files give the same bytes, and layers are kept in the per-user cache, so that images
 *  which share a layer share its digest and a node unpacks it once. `out` appears whole or not at all. */
export async function packImage(options: ImageOptions & { out: string }): Promise<PackedImage> {
  const { name, config, out } = options;
  const layers: BuiltLayer[] = [];
  for (const layer of options.layers) layers.push(await buildLayer(layer, layerCacheFolder(process.env)));

  const entries = archiveEntries(normalizedImageName(name), config, layers);
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

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const fileEntry = (path: string, body: NonNullable<TarEntry['body']>): TarEntry => ({
  path,
  kind: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  body,
});

/** manifest.json comes first: it names config and layers by digest, and so tells whether an archive is up to date. */
function archiveEntries(tag: string, config: ImageConfig, layers: readonly BuiltLayer[]): TarEntry[] {
  const configBytes = Buffer.from(JSON.stringify(imageConfig(config, layers)));
  const configPath = `${sha256(configBytes)}.json`;
  const layerPath = ({ diffId }: BuiltLayer) => `${diffId.replace('sha256:', '')}.tar`;
  const manifest = [{ Config: configPath, RepoTags: [tag], Layers: layers.map(layerPath) }];
  return [
    fileEntry('manifest.json', Buffer.from(JSON.stringify(manifest))),
    fileEntry(configPath, configBytes),
    ...layers.map((layer) => fileEntry(layerPath(layer), { from: layer.file, sizeBytes: layer.sizeBytes })),
  ];
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
