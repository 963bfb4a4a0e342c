import { join } from 'node:path';
import type { Faults } from './faults.ts';
import { kindProvider } from './kind.ts';
import { readClaim } from './local/claim.ts';
import { DEFAULT_NAME, isClusterName, MAX_NODES } from './local/layout.ts';
import { localProvider } from './local/provider.ts';
import { ClusterProblem } from './problem.ts';
import type { Progress } from './progress.ts';
import { succeeds } from './run.ts';

/** A Kubernetes to develop and test on. Every method throws a ClusterProblem when the person at the keyboard can put
 *  it right. */
export interface ClusterProvider {
  kind: ProviderKind;
  name: string;
  /** The administrator's kubeconfig; it exists while the cluster does. */
  kubeconfig: string;
  /** Brings it up with that many nodes, or completes it, or finds that nothing is to do. */
  up(options: { nodes: number }): Promise<void>;
  /** Removes all of it, in whatever state it is. Gives false when there was nothing. */
  down(): Promise<boolean>;
  /** Puts docker-archives into every node, side by side, under the names they carry. */
  loadImages(archives: readonly string[]): Promise<void>;
  /** Lines for a person. */
  status(): Promise<string[]>;
  faults: Faults;
}

export type ProviderKind = 'kind' | 'local';

export interface ClusterOptions {
  name?: string;
  /** The folder for clusters' state. */
  root?: string;
  progress: Progress;
  env?: NodeJS.ProcessEnv;
}

export const DEFAULT_ROOT = join(import.meta.dirname, '..', '..', '.cluster');

/** The cluster of that name, whether it is up or not.
 *  @throws ClusterProblem when the name or `HYPERPAGE_CLUSTER_PROVIDER` is none. */
export async function openCluster(options: ClusterOptions): Promise<ClusterProvider> {
  const { name = DEFAULT_NAME, root = DEFAULT_ROOT, progress, env = process.env } = options;
  if (!isClusterName(name)) {
    throw new ClusterProblem(
      `${JSON.stringify(name)} cannot be a cluster's name.`,
      'Take up to 12 lower-case letters and digits, a letter first.',
    );
  }
  const kind = await chooseProvider(env['HYPERPAGE_CLUSTER_PROVIDER'], {
    hasLocal: async () => (await readClaim(name)) !== undefined,
    hasDocker: () => succeeds('docker', ['info', '--format', '{{.ServerVersion}}'], { timeoutMs: 10_000 }),
  });
  return kind === 'kind' ? kindProvider({ name, root, progress }) : localProvider({ name, root, progress });
}

/** A local cluster that exists stays what it is. Else: kind where a Docker engine answers, as that touches the machine
 *  least and works on all kinds of it.
 *  @throws ClusterProblem when `wanted` is no provider. */
export async function chooseProvider(
  wanted: string | undefined,
  machine: { hasLocal: () => Promise<boolean>; hasDocker: () => Promise<boolean> },
): Promise<ProviderKind> {
  if (wanted === 'kind' || wanted === 'local') return wanted;
  if (wanted) {
    throw new ClusterProblem(
      `HYPERPAGE_CLUSTER_PROVIDER is ${JSON.stringify(wanted)}, and there is no such provider.`,
      'Set it to kind or to local, or leave it unset to have one chosen.',
    );
  }
  if (await machine.hasLocal()) return 'local';
  return (await machine.hasDocker()) ? 'kind' : 'local';
}

/** The number of nodes out of a command line.
 *  @throws ClusterProblem unless it is 1 to 5. */
export function parseNodes(text: string): number {
  const nodes = Number(text);
  if (/^\d+$/.test(text) && nodes >= 1 && nodes <= MAX_NODES) return nodes;
  throw new ClusterProblem(
    `A cluster has 1 to ${MAX_NODES} nodes, not ${JSON.stringify(text)}.`,
    'For example: make cluster NODES=3',
  );
}
