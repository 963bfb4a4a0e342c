import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  componentVersion,
  ensureBinaries,
  linkerFlags,
  requiredVersion,
} from '../../../dev/cluster/binaries.ts';
import { ClusterProblem } from '../../../dev/cluster/problem.ts';
import { createProgress } from '../../../dev/cluster/progress.ts';

const silent = createProgress({ write: () => undefined, colour: false, nowMs: () => 0 });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hyperpage-binaries-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(...path: string[]): Promise<string> {
  const file = join(folder, ...path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, '#!/bin/sh\n');
  await chmod(file, 0o755);
  return file;
}

test('a program comes from KUBEBUILDER_ASSETS first, then from the cache of its version', async () => {
  const cached = await program('cache', 'hyperpage', 'bin', `etcd-${await componentVersion('etcd')}`, 'etcd');
  const env = { XDG_CACHE_HOME: join(folder, 'cache'), PATH: '' };
  expect(await ensureBinaries(['etcd'], silent, env)).toEqual({ etcd: cached });

  const asset = await program('assets', 'etcd');
  const withAssets = { ...env, KUBEBUILDER_ASSETS: join(folder, 'assets') };
  expect(await ensureBinaries(['etcd'], silent, withAssets)).toEqual({ etcd: asset });
});

test('kubectl comes from PATH; programs whose version matters do not', async () => {
  const kubectl = await program('path', 'kubectl');
  await program('path', 'etcd');
  const version = await componentVersion('etcd');
  const cached = await program('cache', 'hyperpage', 'bin', `etcd-${version}`, 'etcd');
  const env = { XDG_CACHE_HOME: join(folder, 'cache'), PATH: join(folder, 'path') };

  expect(await ensureBinaries(['kubectl', 'etcd'], silent, env)).toEqual({ kubectl, etcd: cached });
});

test('without Go, the message names the programs that are missing and what to do', async () => {
  const env = { XDG_CACHE_HOME: join(folder, 'cache'), PATH: join(folder, 'empty') };

  const problem = await ensureBinaries(['etcd', 'kubelet'], silent, env).catch((error: unknown) => error);

  expect(problem).toBeInstanceOf(ClusterProblem);
  expect((problem as ClusterProblem).message).toContain('etcd, kubelet');
  expect((problem as ClusterProblem).fix).toContain('KUBEBUILDER_ASSETS');
});

test('the version of a program is the one its go.mod requires', async () => {
  expect(
    requiredVersion('module m\n\nrequire go.etcd.io/etcd/server/v3 v3.6.16\n\nrequire (\n\ta v1.0.0\n)\n'),
  ).toBe('v3.6.16');
  expect(await componentVersion('kubernetes')).toMatch(/^v1\.\d+\.\d+$/);
  expect(await componentVersion('kind')).toMatch(/^v/);
  expect(await componentVersion('pause')).toMatch(/^[0-9a-f]{12}$/);
});

test('Kubernetes programs are told their version by the linker', () => {
  expect(linkerFlags('kubernetes', 'v1.34.4')).toContain('version.gitVersion=v1.34.4');
  expect(linkerFlags('kubernetes', 'v1.34.4')).toContain('version.gitMinor=34');
  expect(linkerFlags('etcd', 'v3.6.16')).toBe('-s -w');
});
