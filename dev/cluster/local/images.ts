import { homedir } from 'node:os';
import { join } from 'node:path';
import { type LayerFile, packImage } from '../../images/archive.ts';
import { componentVersion } from '../binaries.ts';
import { run } from '../run.ts';

/** The cluster's own images: one static program each. */
export interface SystemImage {
  name: string;
  archive: string;
}

const SYSTEM_PROGRAMS = ['pause', 'coredns', 'metrics-server', 'local-path-provisioner'] as const;
type SystemProgram = (typeof SYSTEM_PROGRAMS)[number];

export type SystemImageName = SystemProgram | 'busybox';
export type SystemImages = Record<SystemImageName, SystemImage>;

/** Packs the cluster's own images, without a container engine, into the per-user cache; quick when they are there. */
export async function packSystemImages(
  binaries: Record<SystemProgram, string>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<SystemImages> {
  const folder = join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hyperpage', 'images');
  const images = { busybox: await packBusybox(folder) } as SystemImages;
  for (const program of SYSTEM_PROGRAMS) {
    images[program] = await packProgram(program, binaries[program], folder);
  }
  return images;
}

/** One of the images alone, for a cluster that brings the others. */
export async function packProgram(
  program: SystemProgram,
  binary: string,
  folder: string,
): Promise<SystemImage> {
  const version = await componentVersion(program);
  const name = `localhost/${program}:${version}`;
  const archive = join(folder, `${program}-${version}.tar`);
  const path = `/${program}`;
  await packImage({
    name,
    layers: [{ files: [{ path, from: binary, mode: 0o755 }] }],
    config: { entrypoint: [path], user: '65532:65532' },
    out: archive,
  });
  return { name, archive };
}

/** A shell for the pods that make volumes' folders, out of Debian's static busybox. */
async function packBusybox(folder: string): Promise<SystemImage> {
  const image = { name: 'localhost/busybox:1', archive: join(folder, 'busybox.tar') };
  const applets = (await run('busybox', ['--list']))
    .split('\n')
    .filter((applet) => applet && applet !== 'busybox');
  const program = (await run('which', ['busybox'])).trim();
  const files: LayerFile[] = [
    { path: '/bin/busybox', from: program, mode: 0o755 },
    ...applets.map((applet) => ({ path: `/bin/${applet}`, link: 'busybox' })),
    { path: '/tmp', directory: true, mode: 0o1777 },
  ];
  await packImage({ ...image, layers: [{ files }], config: { cmd: ['/bin/sh'] }, out: image.archive });
  return image;
}
