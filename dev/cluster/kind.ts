import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ensureBinaries } from './binaries.ts';
import { type Docker, kindFaults } from './kind-faults.ts';
import { fill } from './local/addons.ts';
import { packProgram } from './local/images.ts';
import { DEFAULT_NAME, kubeconfigPath } from './local/layout.ts';
import { ClusterProblem } from './problem.ts';
import type { Progress } from './progress.ts';
import type { ClusterProvider } from './provider.ts';
import { run } from './run.ts';

/** Programs that the provider starts; passed in so that tests can read the command lines. */
export interface KindPrograms {
  kind: (args: readonly string[], input?: string) => Promise<string>;
  kubectl: (args: readonly string[], input?: string) => Promise<string>;
  docker: Docker;
}

export interface KindOptions {
  name: string;
  root: string;
  progress: Progress;
  programs?: KindPrograms;
}

/** The cluster in containers of a Docker engine, made by kind, which brings DNS and a StorageClass of its own. */
export function kindProvider({
  name,
  root,
  progress,
  programs = installed(progress),
}: KindOptions): ClusterProvider {
  const kubeconfig = kubeconfigPath(root, name);
  const kindName = name === DEFAULT_NAME ? 'hyperpage' : `hyperpage-${name}`;
  const flags = [`--name=${kindName}`];
  const exists = async () => (await programs.kind(['get', 'clusters'])).split('\n').includes(kindName);
  const nodes = async () => (await programs.kind(['get', 'nodes', ...flags])).split('\n').filter(Boolean);
  return {
    kind: 'kind',
    name,
    kubeconfig,
    faults: kindFaults(kindName, programs.docker, nodes),
    async up({ nodes: wanted }) {
      await mkdir(join(root, name), { recursive: true });
      if (await exists()) {
        await programs.kind(['export', 'kubeconfig', ...flags, `--kubeconfig=${kubeconfig}`]);
        requireNodes(await nodes(), wanted);
        progress.say('The cluster is up already.');
        return;
      }
      await progress.step(`make a kind cluster of ${wanted}`, () =>
        programs.kind(
          ['create', 'cluster', ...flags, '--config=-', `--kubeconfig=${kubeconfig}`, '--wait=180s'],
          kindConfig(wanted),
        ),
      );
      await progress.step('add metrics-server', () =>
        addMetricsServer(programs, flags, kubeconfig, progress),
      );
    },
    async down() {
      if (!(await exists())) return false;
      await programs.kind(['delete', 'cluster', ...flags, `--kubeconfig=${kubeconfig}`]);
      return true;
    },
    async loadImages(archives) {
      await progress.step(`load ${archives.length} images into every node`, async () => {
        for (const archive of archives) await programs.kind(['load', 'image-archive', archive, ...flags]);
      });
    },
    async status() {
      if (!(await exists()))
        throw new ClusterProblem(`The cluster ${name} is not up.`, 'Bring it up first: make cluster');
      return [`${name} is the kind cluster ${kindName}, kubeconfig ${kubeconfig}`, ...(await nodes())];
    },
  };
}

/** Every node takes pods, the control plane's too, so that three nodes are room for three. */
export function kindConfig(nodes: number): string {
  const untaint = { kind: 'InitConfiguration', nodeRegistration: { taints: [] } };
  const roles = Array.from({ length: nodes }, (_, position) => ({
    role: position === 0 ? 'control-plane' : 'worker',
    ...(position === 0 ? { kubeadmConfigPatches: [JSON.stringify(untaint)] } : {}),
  }));
  return JSON.stringify({ kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4', nodes: roles }, null, 2);
}

/** kind cannot add nodes to a cluster that runs. */
function requireNodes(present: readonly string[], wanted: number): void {
  if (present.length >= wanted) return;
  throw new ClusterProblem(
    `The kind cluster has ${present.length} of the ${wanted} nodes you want, and kind cannot add any to it.`,
    'Make it anew: make cluster-down && make cluster',
  );
}

async function addMetricsServer(
  { kind, kubectl }: KindPrograms,
  flags: readonly string[],
  kubeconfig: string,
  progress: Progress,
): Promise<void> {
  const binary = (await ensureBinaries(['metrics-server'], progress))['metrics-server'];
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hyperpage', 'images');
  const image = await packProgram('metrics-server', binary, cache);
  await kind(['load', 'image-archive', image.archive, ...flags]);
  const manifest = await readFile(join(import.meta.dirname, 'addons', 'metrics-server.yaml'), 'utf8');
  await kubectl(
    [`--kubeconfig=${kubeconfig}`, 'apply', '--server-side', '--filename=-'],
    fill(manifest, { 'metrics-server': image.name }),
  );
}

/** The programs of this machine; kind is built when it is not installed. */
function installed(progress: Progress): KindPrograms {
  const start = (name: 'kind' | 'kubectl') => async (args: readonly string[], input?: string) => {
    const path = (await ensureBinaries([name], progress))[name];
    return run(path, args, input === undefined ? {} : { input });
  };
  return {
    kind: start('kind'),
    kubectl: start('kubectl'),
    docker: (args) => run('docker', args),
  };
}
