import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBinaries } from './cluster/binaries.ts';
import type { Progress } from './cluster/progress.ts';
import { type ClusterProvider, openCluster } from './cluster/provider.ts';
import { archiveFolder, buildImages } from './images/build.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';

export const ROOT = join(import.meta.dirname, '..');
export const OPERATOR_NAMESPACE = 'hyperpage-system';
export const OPERATOR_DEPLOYMENT = 'hyperpage-operator';

/** A cluster with the operator installed and the images loaded. */
export interface Installed {
  cluster: ClusterProvider;
  kubectl: Kubectl;
  /** Whether the images differ from those that the cluster had: pods of an older build then run on. */
  imagesChanged: boolean;
}

/** Brings up the cluster, packs the images, loads them and installs the operator: what `make demo` and the cluster
 *  tier begin with. Quick when it has been done before. */
export async function install(options: {
  nodes: number;
  progress: Progress;
  /** Name of the cluster; absent: the default one. */
  name?: string;
}): Promise<Installed> {
  const { nodes, progress, ...named } = options;
  const cluster = await openCluster({ progress, ...named });
  const { kubectl: program } = await ensureBinaries(['kubectl'], progress);
  await Promise.all([
    cluster.up({ nodes }),
    progress.step('images packed', () =>
      buildImages(['operator', 'sidecar', 'example', 'redis'], { root: ROOT, report: () => {} }),
    ),
  ]);
  const kubectl = createKubectl(program, cluster.kubeconfig);
  const imagesChanged = await loadImages(cluster, kubectl, progress);
  await progress.step('operator installed', async () => {
    await kubectl([
      'apply',
      '--server-side',
      '--force-conflicts',
      '-f',
      join(ROOT, 'manifests/install.yaml'),
    ]);
    if (imagesChanged) {
      await kubectl(['-n', OPERATOR_NAMESPACE, 'rollout', 'restart', 'deployment', OPERATOR_DEPLOYMENT]);
    }
    await kubectl(
      ['-n', OPERATOR_NAMESPACE, 'rollout', 'status', 'deployment', OPERATOR_DEPLOYMENT, '--timeout=120s'],
      { timeoutMs: 130_000 },
    );
  });
  return { cluster, kubectl, imagesChanged };
}

const DIGEST_ANNOTATION = 'hyperpage.dev/images';

/** Loads the archives unless the cluster says that it has just these. */
async function loadImages(cluster: ClusterProvider, kubectl: Kubectl, progress: Progress): Promise<boolean> {
  const archives = ['hyperpage.tar', 'redis.tar'].map((file) => join(archiveFolder(ROOT), file));
  const hash = createHash('sha256');
  for (const archive of archives) hash.update(await readFile(archive));
  const digest = hash.digest('hex').slice(0, 32);
  const { metadata } = await kubectl.json<{ metadata: { annotations?: Record<string, string> } }>([
    'get',
    'namespace',
    'default',
  ]);
  const before = metadata.annotations?.[DIGEST_ANNOTATION];
  if (before === digest) return false;
  await progress.step('images loaded', () => cluster.loadImages(archives));
  await kubectl(['annotate', '--overwrite', 'namespace', 'default', `${DIGEST_ANNOTATION}=${digest}`]);
  return before !== undefined;
}
