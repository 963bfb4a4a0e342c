import { readFile } from 'node:fs/promises';
import { IMAGES } from '@hyperpage/contract';
import { PROGRAMS, type Program } from '../../../dev/images/bundle.ts';
import { nodeImageConfig } from '../../../dev/images/node-image.ts';

const FILES: Record<Program, string> = {
  operator: 'operator/Dockerfile',
  sidecar: 'sidecar/Dockerfile',
  example: 'examples/app/Dockerfile',
};

describe.each(Object.keys(PROGRAMS) as Program[])('the Dockerfile of %s', (program) => {
  const lines = async (keyword: string) => {
    const text = await readFile(FILES[program], 'utf8');
    return [...text.matchAll(new RegExp(`^${keyword} (.*)$`, 'gm'))].map((match) => match[1]);
  };

  test('starts its container as the image that is packed without Docker does', async () => {
    const { entrypoint, env, user, workingDir } = nodeImageConfig(program);
    expect(JSON.parse((await lines('ENTRYPOINT'))[0] ?? '')).toEqual(entrypoint);
    expect(await lines('ENV')).toEqual(env);
    expect(await lines('USER')).toEqual([user]);
    expect((await lines('WORKDIR')).at(-1)).toBe(workingDir);
  });

  test('lays out the same tree, and says the tag that manifests use', async () => {
    expect((await lines('RUN')).at(-1)).toBe(`node dev/images/main.ts rootfs ${program} /rootfs`);
    expect((await lines('#')).join('\n')).toContain(`--tag ${IMAGES[program]} .`);
  });

  test('installs every workspace from its package.json alone, so that the install is cached', async () => {
    const { workspaces } = JSON.parse(await readFile('package.json', 'utf8')) as { workspaces: string[] };
    const copied = await lines('COPY');
    for (const workspace of workspaces) expect(copied).toContain(`${workspace}/package.json ${workspace}/`);
  });
});
