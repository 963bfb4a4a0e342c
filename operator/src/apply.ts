import type { HyperpageCluster } from '@hyperpage/contract';
import { isStatus, KubeError } from '@hyperpage/runtime';
import type { OwnedKind } from './desired/index.ts';
import type { Manifest, ObjectClient, Stored } from './kube/index.ts';
import { releaseReplicas, takeBack } from './ownership.ts';
import { type Action, isOurs, type Problem, problemOf } from './plan.ts';
import type { Settled } from './settled.ts';

/** What became of a plan. */
export interface Applied {
  /** Requests that may have changed something. */
  writes: number;
  problems: Problem[];
}

/** Done, or not done: because of a problem, or (none) because something has to go first. */
type Result = 'written' | Problem[];

/** Carries out `actions` in order. What the API server refuses for good (an invalid or forbidden object) becomes a
 *  problem and the rest goes on. @throws KubeError for everything that another try may mend (conflict, overload,
 *  nobody there). */
export async function apply(
  cluster: HyperpageCluster,
  actions: readonly Action[],
  client: ObjectClient,
  settled: Settled,
  signal: AbortSignal,
): Promise<Applied> {
  const applied: Applied = { writes: 0, problems: [] };
  for (const action of actions) {
    signal.throwIfAborted();
    try {
      const result = await carryOut(cluster, action, client, settled);
      if (result === 'written') applied.writes++;
      else applied.problems.push(...result);
    } catch (error) {
      applied.problems.push(refusal(action, error));
    }
  }
  return applied;
}

async function carryOut(
  cluster: HyperpageCluster,
  action: Action,
  client: ObjectClient,
  settled: Settled,
): Promise<Result> {
  switch (action.kind) {
    case 'create':
      return create(cluster, action, client, settled);
    case 'createOnce':
      return createOnce(cluster, action.manifest, client);
    case 'apply': {
      const { manifest, stored } = action;
      if (action.leavesReplicas) await releaseReplicas(stored.metadata, client);
      settled.note(manifest, await applyOver(withUid(manifest, stored), client));
      return 'written';
    }
    case 'growClaim': {
      const spec = { resources: { requests: { storage: action.size } } };
      await client.patch('PersistentVolumeClaim', action.stored.metadata, { spec });
      return 'written';
    }
    case 'delete': {
      const { uid } = action.stored.metadata;
      await client.delete(action.stored.kind, action.stored.metadata, { uid });
      return 'written';
    }
  }
}

/** Applies over what is there. In lists that merge by key an item that somebody put in can make ours invalid (two ports
 *  of one name): then the lists are taken back as a whole first. */
async function applyOver(manifest: Manifest<OwnedKind>, client: ObjectClient): Promise<Stored<OwnedKind>> {
  try {
    return await client.apply(manifest);
  } catch (error) {
    if (!isStatus(error, 422)) throw error;
    await takeBack(manifest, client);
    return client.apply(manifest);
  }
}

/** The caches hold only objects with our label: one without it may have the name. So look before the first apply,
 *  which would take it over. */
async function create(
  cluster: HyperpageCluster,
  { manifest, replicas }: Extract<Action, { kind: 'create' }>,
  client: ObjectClient,
  settled: Settled,
): Promise<Result> {
  const { kind, metadata } = manifest;
  const existing = await client.get(kind, metadata);
  if (existing && !isOurs(existing, cluster)) return problemOf(existing, cluster);
  const stored = await client.apply(existing ? withUid(manifest, existing) : manifest);
  settled.note(manifest, stored);
  if (!existing && replicas !== undefined) await client.patch('Deployment', metadata, { spec: { replicas } });
  return 'written';
}

async function createOnce(
  cluster: HyperpageCluster,
  manifest: Manifest<OwnedKind>,
  client: ObjectClient,
): Promise<Result> {
  try {
    await client.create(manifest);
  } catch (error) {
    if (!(error instanceof KubeError) || error.reason !== 'AlreadyExists') throw error;
    const { kind, metadata } = manifest;
    const existing = await client.get(kind, metadata);
    if (existing && !isOurs(existing, cluster)) return problemOf(existing, cluster);
    // Ours, and yet in no cache: it has lost its label, or the cache is behind.
    if (existing) await client.patch(kind, metadata, { metadata: { labels: metadata.labels } });
  }
  return 'written';
}

/** With the UID an object that was deleted and made again by somebody else meanwhile is not taken over. */
const withUid = (manifest: Manifest<OwnedKind>, { metadata: { uid } }: Stored): Manifest<OwnedKind> => ({
  ...manifest,
  metadata: { ...manifest.metadata, uid },
});

function refusal(action: Action, error: unknown): Problem {
  if (!(error instanceof KubeError)) throw error;
  const { kind, metadata } = 'manifest' in action ? action.manifest : action.stored;
  const what = `${kind} ${metadata.name}`;
  if (action.kind === 'growClaim' && [403, 422].includes(error.status)) {
    return {
      reason: 'InvalidSpec',
      message: `the volume of ${what} cannot grow: ${error.message}; set allowVolumeExpansion: true on its storage class`,
    };
  }
  if (error.status === 422 || error.status === 400) {
    return { reason: 'InvalidSpec', message: `the API server refuses ${what}: ${error.message}` };
  }
  if (error.status === 403) {
    return {
      reason: 'Forbidden',
      message: `the operator may not write ${what}: ${error.message}; check quotas, admission and the operator's ClusterRole`,
    };
  }
  throw error;
}
