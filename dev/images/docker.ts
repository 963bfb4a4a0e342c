import { IMAGES } from '@hyperpage/contract';
import { run, seconds } from '../command.ts';
import type { BuildOptions } from './build.ts';
import type { Program } from './bundle.ts';

const DOCKERFILES: Record<Program, string> = {
  operator: 'operator/Dockerfile',
  sidecar: 'sidecar/Dockerfile',
  example: 'examples/app/Dockerfile',
};

/** Whether a Docker engine answers. */
export const dockerAnswers = async (): Promise<boolean> => {
  try {
    return (await run('docker', ['version', '--format', '{{.Server.Version}}'])).code === 0;
  } catch {
    return false;
  }
};

/** Builds the Dockerfiles of our programs with the tags that manifests use. `extra` goes to `docker build` as it is.
 *  @throws Error when no engine answers or a build fails. */
export async function buildWithDocker(
  programs: readonly Program[],
  { root, report }: BuildOptions,
  extra: readonly string[] = [],
): Promise<void> {
  if (!(await dockerAnswers())) {
    throw new Error('no Docker engine answers: start one, or leave out --docker to pack images without it');
  }
  for (const program of programs) {
    report(`docker build ${IMAGES[program]}`);
    const args = ['build', '--tag', IMAGES[program], '--file', DOCKERFILES[program], ...extra, '.'];
    const { code, elapsedMs } = await run('docker', args, { live: true, cwd: root });
    if (code !== 0) throw new Error(`docker ${args.join(' ')} failed: what it said is above`);
    report(`built ${IMAGES[program]} in ${seconds(elapsedMs)}`);
  }
}
