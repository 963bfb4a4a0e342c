import { homedir } from 'node:os';
import { join } from 'node:path';
import { packImage } from '../../images/archive.ts';
import { componentVersion } from '../binaries.ts';

/** The cluster's own images: one static program each. */
export interface SystemImage {
  name: string;
  archive: string;
}

export type SystemImageName = 'pause' | 'coredns' | 'metrics-server';
export type SystemImages = Record<SystemImageName, SystemImage>;

/** Packs the cluster's own images, without a container engine, into the per-user cache; quick when they are there. */
export async function packSystemImages(
  binaries: Record<SystemImageName, string>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<SystemImages> {
  const folder = join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hyperpage', 'images');
  const pack = async (component: SystemImageName, user: string): Promise<SystemImage> => {
    const version = await componentVersion(component);
    const name = `localhost/${component}:${version}`;
    const archive = join(folder, `${component}-${version}.tar`);
    const layer = { files: [{ path: `/${component}`, from: binaries[component], mode: 0o755 }] };
    await packImage({ name, layers: [layer], config: { entrypoint: [`/${component}`], user }, out: archive });
    return { name, archive };
  };
  return {
    pause: await pack('pause', '65535:65535'),
    coredns: await pack('coredns', '65532:65532'),
    'metrics-server': await pack('metrics-server', '65532:65532'),
  };
}
