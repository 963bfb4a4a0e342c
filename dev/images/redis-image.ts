import { access } from 'node:fs/promises';
import { IMAGES } from '@hyperpage/contract';
import { run } from '../command.ts';
import type { ImageOptions } from './archive.ts';
import type { LayerFile } from './layer.ts';
import { librariesOf } from './libraries.ts';

const SERVER = '/usr/bin/redis-server';
const CLI = '/usr/bin/redis-cli';
const BENCHMARK = '/usr/bin/redis-benchmark';
const BUSYBOX = '/bin/busybox';

/** A stand-in for the public image `redis:7-alpine`, for machines that reach no registry: the system's own Redis 7
 *  and busybox under the same name, laid out alike (programs in /usr/local/bin, user redis 999:1000, /data its own,
 *  busybox as the shell), so that manifests are the same with either. @throws Error naming what to install. */
export async function redisImage(): Promise<ImageOptions> {
  await mustBeInstalled();
  const programs = [SERVER, CLI, BENCHMARK, BUSYBOX];
  return {
    name: IMAGES.redis,
    layers: [
      { files: [...(await librariesOf(programs)), ...systemFiles(), ...(await shellFiles())] },
      redisFiles(),
    ],
    config: {
      cmd: ['redis-server'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      workingDir: '/data',
      exposedPorts: ['6379/tcp'],
    },
  };
}

const redisFiles = () => ({
  files: [
    { path: '/usr/local/bin/redis-server', from: SERVER },
    { path: '/usr/local/bin/redis-cli', from: CLI },
    { path: '/usr/local/bin/redis-benchmark', from: BENCHMARK },
    // One program with several names, as Redis installs itself.
    ...['redis-sentinel', 'redis-check-aof', 'redis-check-rdb'].map((name) => ({
      path: `/usr/local/bin/${name}`,
      link: 'redis-server',
    })),
    { path: '/data', directory: true, uid: 999, gid: 1000 },
  ],
});

const systemFiles = (): LayerFile[] => [
  {
    path: '/etc/passwd',
    content:
      'root:x:0:0:root:/root:/bin/sh\nredis:x:999:1000:redis:/home/redis:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  },
  { path: '/etc/group', content: 'root:x:0:\nredis:x:1000:\nnobody:x:65534:\n' },
  { path: '/etc/nsswitch.conf', content: 'hosts: files dns\n' },
  { path: '/root', directory: true, mode: 0o700 },
  { path: '/tmp', directory: true, mode: 0o1777 },
];

async function shellFiles(): Promise<LayerFile[]> {
  const { output } = await run(BUSYBOX, ['--list']);
  const applets = output.split('\n').filter((name) => name !== '' && name !== 'busybox');
  return [
    { path: '/bin/busybox', from: BUSYBOX },
    ...applets.map((name) => ({ path: `/bin/${name}`, link: 'busybox' })),
    { path: '/usr/bin/env', link: '/bin/busybox' },
  ];
}

async function mustBeInstalled(): Promise<void> {
  const wanted = {
    [SERVER]: 'redis-server',
    [CLI]: 'redis-tools',
    [BENCHMARK]: 'redis-tools',
    [BUSYBOX]: 'busybox-static',
  };
  const missing = new Set<string>();
  for (const [path, debianPackage] of Object.entries(wanted)) {
    await access(path).catch(() => missing.add(debianPackage));
  }
  if (missing.size > 0) {
    throw new Error(
      `the image ${IMAGES.redis} is packed from Debian's ${[...missing].join(' and ')}: run make setup`,
    );
  }
}
