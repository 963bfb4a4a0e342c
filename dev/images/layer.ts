import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type TarEntry, tar } from './tar.ts';

/** One file of an image: exactly one of `from` (a file of this machine, links followed), `content`, `link` (a
 *  symlink's target) and `directory`. */
export interface LayerFile {
  /** Absolute path in the image. */
  path: string;
  from?: string;
  content?: string | Buffer;
  /** Permission bits. Default: 0755 for directories and for what is executable on this machine, 0644 otherwise. */
  mode?: number;
  /** Default 0. */
  uid?: number;
  /** Default 0. */
  gid?: number;
  link?: string;
  directory?: boolean;
}

/** What one layer adds; folders above its files are made, owned by root with mode 0755. */
export type Layer = { files: ReadonlyArray<LayerFile> };

/** A layer as an uncompressed tar file on this machine. */
export interface BuiltLayer {
  /** `sha256:…` of the tar file, the layer's name in an image's config. */
  diffId: string;
  file: string;
  sizeBytes: number;
}

/** Where layers are kept between builds and checkouts: `$XDG_CACHE_HOME/hyperpage/layers`. */
export const layerCacheFolder = (env: Readonly<Record<string, string | undefined>>): string =>
  join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hyperpage', 'layers');

/** Gives the layer's tar file out of `cacheFolder`, writing it when no layer of the same content is there. */
export async function buildLayer(layer: Layer, cacheFolder: string): Promise<BuiltLayer> {
  const entries = await tarEntries(layer);
  const file = join(cacheFolder, `${await contentKey(entries)}.tar`);
  const diffIdFile = `${file}.diffid`;
  const diffId = await readFile(diffIdFile, 'utf8').catch(() => undefined);
  const cached = diffId && (await stat(file).catch(() => undefined));
  if (diffId && cached) {
    // Their times say when they were last of use (see pruneCache).
    for (const used of [file, diffIdFile]) await utimes(used, new Date(), new Date());
    return { diffId, file, sizeBytes: cached.size };
  }

  await mkdir(cacheFolder, { recursive: true });
  await pruneCache(cacheFolder, Date.now() - KEEP_MS);
  const hash = createHash('sha256');
  await writeWhole(file, async function* () {
    for await (const chunk of tar(entries)) {
      hash.update(chunk);
      yield chunk;
    }
  });
  const written = `sha256:${hash.digest('hex')}`;
  // After the tar file: a digest in the cache means that its layer is complete.
  await writeFile(diffIdFile, written);
  return { diffId: written, file, sizeBytes: (await stat(file)).size };
}

const KEEP_MS = 14 * 24 * 3_600_000;

/** Removes what nobody used since `beforeMs` (milliseconds since the epoch): each change of a program leaves a layer. */
export async function pruneCache(cacheFolder: string, beforeMs: number): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    const file = join(cacheFolder, name);
    // Another build may prune too: what is gone is gone.
    const seen = await stat(file).catch(() => undefined);
    if (seen && seen.mtimeMs < beforeMs) await rm(file, { force: true });
  }
}

/** Writes `file` so that others see it whole or not at all, also when two builds write it at once. */
export async function writeWhole(file: string, chunks: () => AsyncIterable<Buffer>): Promise<void> {
  const partial = `${file}.${process.pid}-${partials++}.partial`;
  try {
    await pipeline(chunks, createWriteStream(partial, { highWaterMark: 1 << 22 }));
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}
let partials = 0;

/** The entries of the tar file of a layer, sorted so that a folder comes before what is in it.
 *  @throws Error when the files contradict each other or one of them is not there. */
export async function tarEntries({ files }: Layer): Promise<TarEntry[]> {
  const entries = new Map<string, TarEntry>();
  for (const file of files) {
    const path = posix.normalize(file.path).replace(/^\/|\/$/g, '');
    if (!posix.isAbsolute(file.path) || path === '') throw new Error(`${file.path} is no absolute path`);
    if (entries.has(path)) throw new Error(`${file.path} is twice in one layer`);
    entries.set(path, { path, uid: file.uid ?? 0, gid: file.gid ?? 0, ...(await content(file)) });
  }
  for (const path of entries.keys()) {
    for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) {
      const entry = entries.get(parent);
      if (!entry) entries.set(parent, { path: parent, kind: 'directory', mode: 0o755, uid: 0, gid: 0 });
      // A link such as /lib -> usr/lib would be replaced by a folder, or the file land outside of it.
      else if (entry.kind !== 'directory')
        throw new Error(`${path} lies under ${parent}, which is no folder`);
    }
  }
  return [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function content(file: LayerFile): Promise<Pick<TarEntry, 'kind' | 'mode' | 'target' | 'body'>> {
  const given = [file.from, file.content, file.link, file.directory || undefined];
  if (given.filter((value) => value !== undefined).length !== 1) {
    throw new Error(`${file.path} needs exactly one of from, content, link and directory`);
  }
  if (file.link !== undefined) return { kind: 'symlink', mode: 0o777, target: file.link };
  if (file.directory) return { kind: 'directory', mode: file.mode ?? 0o755 };
  if (file.content !== undefined) {
    return { kind: 'file', mode: file.mode ?? 0o644, body: Buffer.from(file.content) };
  }
  const from = file.from as string;
  const { size, mode } = await stat(from);
  return {
    kind: 'file',
    mode: file.mode ?? (mode & 0o111 ? 0o755 : 0o644),
    body: { from, sizeBytes: size },
  };
}

/** Equal for equal layers: a digest of every entry's header and of its bytes, whatever the files' names here. */
async function contentKey(entries: readonly TarEntry[]): Promise<string> {
  const key = createHash('sha256');
  for (const { body, ...header } of entries) {
    key.update(JSON.stringify([header, body === undefined ? null : await digest(body)]));
  }
  return key.digest('hex');
}

async function digest(body: NonNullable<TarEntry['body']>): Promise<string> {
  const hash = createHash('sha256');
  if (Buffer.isBuffer(body)) hash.update(body);
  else await pipeline(createReadStream(body.from, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
