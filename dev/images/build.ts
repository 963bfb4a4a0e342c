import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { seconds } from '../command.ts';
import { type ImageOptions, packImages } from './archive.ts';
import { bundlePage, bundleProgram, PROGRAMS, type Program } from './bundle.ts';
import { nodeImages } from './node-image.ts';
import { redisImage } from './redis-image.ts';

export const IMAGE_NAMES = ['operator', 'sidecar', 'example', 'redis'] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];

export interface BuildOptions {
  /** The checkout. */
  root: string;
  /** Takes a line of progress. */
  report: (line: string) => void;
}

const ALL_PROGRAMS = Object.keys(PROGRAMS) as Program[];
const isProgram = (name: ImageName): name is Program => name in PROGRAMS;

/** Where archives are put; a cluster loads every `.tar` in it. */
export const archiveFolder = (root: string): string => join(root, '.cluster', 'images');

/** Bundles and packs the named images into `.cluster/images`. Our three programs share one archive, so that a node
 *  reads the layer with Node once; those of them that are not named go into it as they were bundled last. */
export async function buildImages(names: readonly ImageName[], options: BuildOptions): Promise<void> {
  const { root, report } = options;
  const programs = names.filter(isProgram);
  if (programs.length > 0) {
    for (const program of ALL_PROGRAMS) {
      if (programs.includes(program) || !(await isBundled(program, root))) await bundle(program, options);
    }
    await pack('hyperpage.tar', ALL_PROGRAMS.join(', '), () => nodeImages(ALL_PROGRAMS, root), {
      root,
      report,
    });
  }
  if (names.includes('redis'))
    await pack('redis.tar', 'redis', async () => [await redisImage()], { root, report });
}

/** Bundles a program, and with the example its web page, into `dist/`. */
export async function bundle(program: Program, { root, report }: BuildOptions): Promise<void> {
  const startedMs = performance.now();
  const { written, startBytes, laterBytes, packages } = await bundleProgram(program, root);
  if (program === 'example') await bundlePage(root, join(root, 'dist/example/public'));
  const largest = packages.slice(0, 3).map(([name, bytes]) => `${name} ${megabytes(bytes)}`);
  const later = laterBytes > 0 ? `, ${megabytes(laterBytes)} on demand` : '';
  const elapsed = seconds(performance.now() - startedMs);
  const done = written ? `bundled ${program}` : `unchanged: the bundle of ${program}`;
  report(`${done}: ${megabytes(startBytes)} (${largest.join(', ')})${later} in ${elapsed}`);
}

async function pack(
  file: string,
  what: string,
  images: () => Promise<ImageOptions[]>,
  { root, report }: BuildOptions,
): Promise<void> {
  const startedMs = performance.now();
  const { written, sizeBytes } = await packImages(await images(), join(archiveFolder(root), file));
  const done = written ? 'packed' : 'unchanged:';
  report(
    `${done} ${file} with ${what}: ${megabytes(sizeBytes)} in ${seconds(performance.now() - startedMs)}`,
  );
}

const isBundled = (program: Program, root: string): Promise<boolean> =>
  access(join(root, 'dist', program, 'main.js')).then(
    () => true,
    () => false,
  );

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;
