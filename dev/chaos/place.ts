import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBinaries } from '../cluster/binaries.ts';
import type { Faults } from '../cluster/faults.ts';
import type { Progress } from '../cluster/progress.ts';
import { install } from '../install.ts';
import { createKubectl, type Kubectl } from '../kubectl.ts';
import type { ContainerFaults } from './breaker.ts';
import type { Need } from './catalogue.ts';
import { kubectlFaults } from './kubectl-faults.ts';
import { type Options, UsageError } from './options.ts';
import { look, type Site } from './site.ts';

/** Where it happens, and what can be broken there. */
export interface Place {
  site: Site;
  containers: ContainerFaults;
  /** On the project's own cluster. */
  provider?: Faults;
  has: ReadonlySet<Need>;
}

/** What the project's own place has. */
export const OWN_PLACE: ReadonlySet<Need> = new Set(['nodes', 'storage', 'sentinel']);
const OWN = { namespace: 'chaos', cluster: 'chaos' };
const NODES = 3;
const IMAGES_ANNOTATION = 'hyperpage.dev/images';

/** The project's own cluster with a HyperpageCluster to break. Quick when it is there already; made anew when what it
 *  runs was built from another tree. */
export async function ownPlace(progress: Progress): Promise<Place> {
  const { cluster, kubectl } = await install({ nodes: NODES, progress });
  const manifest = await readFile(join(import.meta.dirname, 'cluster.yaml'), 'utf8');
  const images = await annotation(kubectl, 'default');
  const wanted = createHash('sha256').update(`${images} ${manifest}`).digest('hex').slice(0, 32);
  const has = await annotation(kubectl, OWN.namespace).catch(() => undefined);
  if (has !== undefined && has !== wanted) {
    await progress.step('the HyperpageCluster of an older build is removed', () =>
      kubectl(['delete', 'namespace', OWN.namespace, '--timeout=150s'], { timeoutMs: 160_000 }),
    );
  }
  await progress.step('HyperpageCluster chaos applied', async () => {
    await kubectl(['apply', '-f', '-'], { input: manifest });
    await kubectl(['annotate', '--overwrite', 'namespace', OWN.namespace, `${IMAGES_ANNOTATION}=${wanted}`]);
  });
  return {
    site: { kubectl, ...OWN },
    containers: cluster.faults,
    provider: cluster.faults,
    has: OWN_PLACE,
  };
}

async function annotation(kubectl: Kubectl, namespace: string): Promise<string> {
  const { metadata } = await kubectl.json<{ metadata: { annotations?: Record<string, string> } }>([
    'get',
    'namespace',
    namespace,
  ]);
  return metadata.annotations?.[IMAGES_ANNOTATION] ?? '';
}

/** Somebody's own HyperpageCluster. @throws UsageError when it is not there, or of no use for this. */
export async function theirPlace(target: NonNullable<Options['target']>, progress: Progress): Promise<Place> {
  const { kubectl: program } = await ensureBinaries(['kubectl'], progress);
  const kubectl = createKubectl(program, target.kubeconfig, target.context);
  const site: Site = { kubectl, namespace: target.namespace, cluster: target.cluster };
  const { cluster } = await look(site).catch((error: Error) => {
    throw new UsageError(error.message);
  });
  const { mode, storage } = cluster.spec.redis;
  if (mode === 'External')
    throw new UsageError('Its Redis is External: there is nothing here that could be broken.');
  const has = new Set<Need>();
  if (mode === 'Sentinel') has.add('sentinel');
  if (storage) has.add('storage');
  return { site, containers: kubectlFaults(kubectl), has };
}

/** The API server that kubectl speaks to, for the warning. */
export async function serverOf({ site }: Place): Promise<string> {
  const path = '{.clusters[0].cluster.server}';
  return (await site.kubectl(['config', 'view', '--minify', '-o', `jsonpath=${path}`])).trim();
}
