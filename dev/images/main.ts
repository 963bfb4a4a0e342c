/** Builds the images: `node dev/images/main.ts build all` (see USAGE). */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seconds } from '../command.ts';
import { buildImages, bundle, IMAGE_NAMES, type ImageName } from './build.ts';
import { PROGRAMS, type Program } from './bundle.ts';
import { buildWithDocker } from './docker.ts';
import { nodeImages } from './node-image.ts';
import { writeRootfs } from './rootfs.ts';

const USAGE = `Usage:
  node dev/images/main.ts build [NAME …]       pack images into .cluster/images, without Docker
  node dev/images/main.ts build --docker [NAME …] [-- DOCKER-BUILD-ARGUMENT …]
                                               build the Dockerfiles with the Docker engine
  node dev/images/main.ts rootfs NAME FOLDER   bundle a program and write its image's layers to FOLDER/node and
                                               FOLDER/app (the Dockerfiles use it; needs root)
Names: ${IMAGE_NAMES.join(', ')}, or all of them (all, the default). Docker has redis from a registry.`;

const root = join(import.meta.dirname, '../..');
const startedMs = performance.now();
const report = (line: string) =>
  console.log(`[${seconds(performance.now() - startedMs).padStart(7)}] ${line}`);

/** A mistake in the command line. */
class UsageError extends Error {}

async function main(argv: readonly string[]): Promise<void> {
  const split = argv.includes('--') ? argv.indexOf('--') : argv.length;
  const { positionals, values } = parseArgs({
    args: argv.slice(0, split),
    allowPositionals: true,
    options: { docker: { type: 'boolean', default: false } },
  });
  const [command, ...rest] = positionals;
  if (command === 'build' && values.docker) {
    await buildWithDocker(imageNames(rest).filter(isProgram), { root, report }, argv.slice(split + 1));
  } else if (command === 'build') await buildImages(imageNames(rest), { root, report });
  else if (command === 'rootfs') await rootfs(rest);
  else throw new UsageError(command ? `${command} is no command` : 'a command is missing');
  report('done');
}

const isProgram = (name: string | undefined): name is Program => name !== undefined && name in PROGRAMS;

function imageNames(given: readonly string[]): readonly ImageName[] {
  if (given.length === 0 || given.includes('all')) return IMAGE_NAMES;
  return given.map((name) => {
    const known = IMAGE_NAMES.find((image) => image === name);
    if (!known) throw new UsageError(`${name} is no image of ours`);
    return known;
  });
}

async function rootfs([program, folder]: readonly string[]): Promise<void> {
  if (!isProgram(program) || !folder) throw new UsageError('rootfs wants a program and a folder');
  await bundle(program, { root, report });
  const [image] = await nodeImages([program], root);
  const [node, app] = image?.layers ?? [];
  if (node) await writeRootfs(node, join(folder, 'node'));
  if (app) await writeRootfs(app, join(folder, 'app'));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const parseError = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  console.error(error instanceof Error ? error.message : error);
  if (parseError || error instanceof UsageError) console.error(USAGE);
  process.exitCode = parseError || error instanceof UsageError ? 2 : 1;
}
