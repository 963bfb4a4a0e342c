import { createHash } from 'node:crypto';
import { access, constants, readdir, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ClusterProblem } from './problem.ts';
import type { Progress } from './progress.ts';
import { run, succeeds } from './run.ts';
import { withStaging } from './staging.ts';

/** The Go package behind each program; `component` is the folder under `binaries/` whose go.mod gives its version. */
const PROGRAMS = {
  etcd: { component: 'etcd', goPackage: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': { component: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  'kube-controller-manager': {
    component: 'kubernetes',
    goPackage: 'k8s.io/kubernetes/cmd/kube-controller-manager',
  },
  'kube-scheduler': { component: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kube-scheduler' },
  kubelet: { component: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kubelet' },
  'kube-proxy': { component: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kube-proxy' },
  kubectl: { component: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kubectl' },
  coredns: { component: 'coredns', goPackage: 'github.com/coredns/coredns' },
  'metrics-server': {
    component: 'metrics-server',
    goPackage: 'sigs.k8s.io/metrics-server/cmd/metrics-server',
  },
  'local-path-provisioner': {
    component: 'local-path-provisioner',
    goPackage: 'github.com/rancher/local-path-provisioner',
  },
  kind: { component: 'kind', goPackage: 'sigs.k8s.io/kind' },
  pause: { component: 'pause', goPackage: '.' },
} as const;

export type BinaryName = keyof typeof PROGRAMS;
export const BINARY_NAMES = Object.keys(PROGRAMS) as BinaryName[];

/** Programs that also do when the machine brings its own: their version matters little to us. */
const TAKEN_FROM_PATH: ReadonlySet<BinaryName> = new Set(['kubectl', 'kind']);

const MODULES_FOLDER = join(import.meta.dirname, 'binaries');

/** Finds or builds programs and gives the path of each: from `KUBEBUILDER_ASSETS` when that folder has it (kubectl
 *  and kind: from PATH), else from the per-user cache, else built from its Go module, which takes minutes the first
 *  time and says so through `progress`. Cheap when all exist.
 *  @throws ClusterProblem when something must be built and there is no Go, or when a build fails. */
export async function ensureBinaries<Name extends BinaryName>(
  names: readonly Name[],
  progress: Progress,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Record<Name, string>> {
  const paths = new Map<BinaryName, string>();
  const missing = new Map<Component, BinaryName[]>();
  for (const name of names) {
    const path = await findBinary(name, env);
    if (path) paths.set(name, path);
    else {
      const { component } = PROGRAMS[name];
      missing.set(component, [...(missing.get(component) ?? []), name]);
    }
  }
  if (missing.size > 0) await requireGo([...missing.values()].flat(), env);
  for (const [component, programs] of missing) {
    await build(component, programs, progress, env);
    for (const name of programs) paths.set(name, await cachePath(name, env));
  }
  return Object.fromEntries(paths) as Record<Name, string>;
}

type Component = (typeof PROGRAMS)[BinaryName]['component'];

async function findBinary(name: BinaryName, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const assets = env['KUBEBUILDER_ASSETS'];
  const candidates = assets ? [join(assets, name)] : [];
  if (TAKEN_FROM_PATH.has(name)) {
    candidates.push(...(env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)));
  }
  candidates.push(await cachePath(name, env));
  for (const candidate of candidates) if (await isExecutable(candidate)) return candidate;
  return undefined;
}

const isExecutable = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** Where a built program is kept: outside the checkout, so that every clone on the machine shares it. */
async function cachePath(name: BinaryName, env: NodeJS.ProcessEnv): Promise<string> {
  const { component } = PROGRAMS[name];
  return join(cacheFolder(env), `${component}-${await componentVersion(component)}`, name);
}

const cacheFolder = (env: NodeJS.ProcessEnv) =>
  join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hyperpage', 'bin');

/** The version of a component as its go.mod requires it; for a program of ours, a digest of its source. */
export async function componentVersion(component: Component): Promise<string> {
  const folder = join(MODULES_FOLDER, component);
  const required = requiredVersion(await readFile(join(folder, 'go.mod'), 'utf8'));
  if (required) return required;
  const digest = createHash('sha256');
  for (const file of (await readdir(folder)).toSorted()) digest.update(await readFile(join(folder, file)));
  return digest.digest('hex').slice(0, 12);
}

/** The version in the one-line `require module version` of a go.mod, which names what the module is there for. */
export const requiredVersion = (goMod: string): string | undefined =>
  /^require \S+ (v\S+)$/m.exec(goMod)?.[1];

async function requireGo(wanted: readonly BinaryName[], env: NodeJS.ProcessEnv): Promise<void> {
  if (await succeeds('go', ['version'], { env })) return;
  throw new ClusterProblem(
    `Go is needed to build ${wanted.join(', ')}, and there is no \`go\` on PATH.`,
    'Install Go 1.24 or newer (https://go.dev/doc/install), or set KUBEBUILDER_ASSETS to a folder that has these programs.',
  );
}

/** Programs of one module are built by one command, which compiles what they share once. They appear in the cache by
 *  a rename each, so that an interrupted build leaves no half-made program there. */
async function build(
  component: Component,
  programs: readonly BinaryName[],
  progress: Progress,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const version = await componentVersion(component);
  const target = join(cacheFolder(env), `${component}-${version}`);
  await withStaging(target, 'build', async (staging) => {
    await progress.step(`build ${programs.join(', ')} ${version} (once for this user)`, () =>
      compile(component, version, programs, staging, env),
    );
    for (const name of programs) await rename(join(staging, name), join(target, name));
  }).catch((error: unknown) => {
    throw new ClusterProblem(
      `Building ${programs.join(', ')} failed.\n${(error as Error).message}`,
      'Look at the message above: most often the module proxy cannot be reached or the disk is full. What was compiled so far is kept.',
      { cause: error },
    );
  });
}

async function compile(
  component: Component,
  version: string,
  programs: readonly BinaryName[],
  staging: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const buildEnv = { ...env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' };
  for (const group of oneCommandEach(component, programs)) {
    const output = group.length > 1 ? `${staging}/` : join(staging, group[0] as string);
    const packages = group.map((name) => PROGRAMS[name].goPackage);
    await run(
      'go',
      ['build', '-trimpath', '-ldflags', linkerFlags(component, version), '-o', output, ...packages],
      {
        cwd: join(MODULES_FOLDER, component),
        env: buildEnv,
      },
    );
  }
}

/** A command with several packages names each program after its package's folder, which is right for Kubernetes
 *  only (etcd's is called `v3`). */
const oneCommandEach = (component: Component, programs: readonly BinaryName[]) =>
  component === 'kubernetes' ? [programs] : programs.map((name) => [name]);

/** Kubernetes reports the version that the linker gave it; without one, clients take it for v0.0.0. */
export function linkerFlags(component: string, version: string): string {
  if (component !== 'kubernetes') return '-s -w';
  const [major, minor] = version.slice(1).split('.');
  const set = (key: string, value?: string) => `-X k8s.io/component-base/version.${key}=${value}`;
  return ['-s -w', set('gitVersion', version), set('gitMajor', major), set('gitMinor', minor)].join(' ');
}
