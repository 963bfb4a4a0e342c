import { type HyperpageCluster, KIND, LEASE_ANNOTATIONS, namesOf } from '@hyperpage/contract';
import { amount, covers } from './covers.ts';
import {
  credentialsSecret,
  DIGEST_ANNOTATION,
  desiredObjects,
  initialReplicas,
  leaderLease,
  type OwnedKind,
  peerKeySecret,
  redisSecret,
  withDigest,
} from './desired/index.ts';
import type { Manifest, Stored } from './kube/index.ts';
import { type Observed, objectId } from './observe.ts';

/** One write. The order of actions is the order of writes. */
export type Action =
  /** The cache holds none: look, then apply. `replicas` is set once, right after (a Deployment under an HPA). */
  | { kind: 'create'; manifest: Manifest<OwnedKind>; replicas?: number }
  /** Made once and never applied: afterwards it belongs to others (Lease) or must not change (Secret). */
  | { kind: 'createOnce'; manifest: Manifest<OwnedKind> }
  /** `leavesReplicas`: the manifest leaves out a Deployment's number of pods, which is its HPA's. */
  | { kind: 'apply'; manifest: Manifest<OwnedKind>; stored: Stored<OwnedKind>; leavesReplicas: boolean }
  | { kind: 'growClaim'; stored: Stored<'PersistentVolumeClaim'>; size: string }
  | { kind: 'delete'; stored: Stored<OwnedKind> };

/** What stands in the way and needs a person: reason of the condition Stalled, and what to do. */
export interface Problem {
  reason: 'ForeignObject' | 'SecretMissing' | 'InvalidSpec' | 'Forbidden' | 'DataConflict';
  message: string;
}

export interface Plan {
  actions: Action[];
  problems: Problem[];
}

export interface PlanContext {
  operatorNamespace: string;
  /** Wall clock, for a Lease that is made again. */
  nowMs: number;
  /** Gives fresh random text, for passwords and keys that have to be made. */
  newSecret: () => string;
  /** Redis pods to run now, and whom the app speaks to meanwhile (DesiredContext). */
  redisReplicas?: number | undefined;
  appStaysStandalone?: boolean;
  /** True when the API server has answered this very manifest with the stored object as it is now: it normalised
   *  something, and applying again would change nothing. */
  isSettled: (manifest: Manifest<OwnedKind>, stored: Stored<OwnedKind>) => boolean;
}

/** Whose an object is: judged by its owner's UID, never by names or labels, which a user may write as well.
 *  `leaving`: it belonged to an earlier HyperpageCluster of this name, and Kubernetes is about to collect it. */
export function standingOf(object: Owned, cluster: HyperpageCluster): 'ours' | 'leaving' | 'foreign' {
  const owners = object.metadata.ownerReferences ?? [];
  const { uid, name } = cluster.metadata;
  if (owners.some((owner) => owner.uid === uid)) return 'ours';
  return owners.some((owner) => owner.kind === KIND && owner.name === name) ? 'leaving' : 'foreign';
}

type Owned = { metadata: { ownerReferences?: Array<{ uid: string; kind: string; name: string }> } };

/** True when `object` was made for `cluster`. */
export const isOurs = (object: Owned, cluster: HyperpageCluster): boolean =>
  standingOf(object, cluster) === 'ours';

/** The problem that an object is for `cluster`, when it is one. */
export const problemOf = (
  object: Owned & { kind: string; metadata: { name: string } },
  cluster: HyperpageCluster,
): Problem[] =>
  standingOf(object, cluster) === 'foreign' ? [foreignObject(object.kind, object.metadata.name)] : [];

const foreignObject = (kind: string, name: string): Problem => ({
  reason: 'ForeignObject',
  message: `${kind} ${name} exists and was not made by this operator, so it is left untouched: rename or delete it, or give this HyperpageCluster another name`,
});

/** What has to be written so that the cluster becomes what its spec says: nothing, when it is. */
export function planOf(observed: Observed, context: PlanContext): Plan {
  const plan: Plan = { actions: [], problems: [] };
  planPasswords(observed, context, plan);
  planPeerKey(observed, context, plan);
  planLease(observed, context, plan);
  const { operatorNamespace, redisReplicas, appStaysStandalone = false } = context;
  const claimSize = claimSizeOf(observed);
  const desired = desiredObjects(observed.cluster, {
    operatorNamespace,
    claimSize,
    redisReplicas,
    appStaysStandalone,
  });
  for (const manifest of desired) planObject(withDigest(manifest), observed, context, plan);
  planClaims(observed, plan);
  planDeletions(observed, desired, plan);
  return plan;
}

function planObject(
  manifest: Manifest<OwnedKind>,
  observed: Observed,
  context: PlanContext,
  plan: Plan,
): void {
  const { cluster } = observed;
  const stored = observed.objects.get(objectId(manifest.kind, manifest.metadata.name));
  if (!stored) {
    const counted = manifest.kind === 'Deployment' && cluster.spec.autoscaling;
    plan.actions.push({
      kind: 'create',
      manifest,
      ...(counted ? { replicas: initialReplicas(cluster) } : {}),
    });
    return;
  }
  if (!isOurs(stored, cluster)) {
    plan.problems.push(...problemOf(stored, cluster));
    return;
  }
  if (stored.metadata.deletionTimestamp) return; // It comes back once it is gone.
  if (isUpToDate(manifest, stored) || context.isSettled(manifest, stored)) return;
  const leavesReplicas = manifest.kind === 'Deployment' && manifest.spec?.replicas === undefined;
  plan.actions.push({ kind: 'apply', manifest, stored, leavesReplicas });
}

const isUpToDate = (manifest: Manifest<OwnedKind>, stored: Stored<OwnedKind>): boolean => {
  const digest = manifest.metadata.annotations?.[DIGEST_ANNOTATION];
  return stored.metadata.annotations?.[DIGEST_ANNOTATION] === digest && covers(stored, manifest);
};

/** Passwords are made once. When all Secrets that hold the password are gone while Redis runs with it, a new one would
 *  lock everybody out: that needs a person. */
function planPasswords(
  { cluster, objects, statefulSet, secret, credentials }: Observed,
  { newSecret }: PlanContext,
  plan: Plan,
): void {
  const { redis } = cluster.spec;
  if (redis.mode === 'External') return;
  const { redisAuthSecret, redisCredentialsSecret } = namesOf(cluster.metadata.name);
  const storedAuth = redis.authSecretRef ? undefined : objects.get(objectId('Secret', redisAuthSecret));
  const storedCredentials = objects.get(objectId('Secret', redisCredentialsSecret));
  const problems = [storedAuth, storedCredentials].flatMap((each) => (each ? problemOf(each, cluster) : []));
  plan.problems.push(...problems);
  if (problems.length > 0) return;
  const wanted = secret.kind === 'present' ? secret.value : undefined;
  let password = credentials?.password ?? wanted;
  if (!redis.authSecretRef && !storedAuth) {
    if (password === undefined && statefulSet && isOurs(statefulSet, cluster)) {
      plan.problems.push({
        reason: 'SecretMissing',
        message: `Secrets ${redisAuthSecret} and ${redisCredentialsSecret} with Redis's password were deleted while Redis runs with it: restore ${redisAuthSecret} (key password), or delete StatefulSet ${statefulSet.metadata.name} as well to begin anew`,
      });
      return;
    }
    password ??= newSecret();
    plan.actions.push({ kind: 'createOnce', manifest: redisSecret(cluster, password) });
  }
  if (storedCredentials || password === undefined) return;
  const manifest = credentialsSecret(cluster, { password, accepted: [password], generation: 1 });
  plan.actions.push({ kind: 'createOnce', manifest });
}

/** The sidecars' key is made once. Nothing outlasts a request that it was used for, so where it is gone another one is
 *  as good. */
function planPeerKey({ cluster, objects }: Observed, { newSecret }: PlanContext, plan: Plan): void {
  const stored = objects.get(objectId('Secret', namesOf(cluster.metadata.name).peers));
  if (stored) plan.problems.push(...problemOf(stored, cluster));
  else plan.actions.push({ kind: 'createOnce', manifest: peerKeySecret(cluster, newSecret()) });
}

function planLease(observed: Observed, { nowMs }: PlanContext, plan: Plan): void {
  const { cluster, lease, deployment, appPods } = observed;
  if (!cluster.spec.leaderElection.enabled) return;
  if (lease) {
    plan.problems.push(...problemOf(lease, cluster));
    return;
  }
  const known = cluster.status?.leader;
  const neverHeld = !deployment && appPods.length === 0 && !known;
  const beginning = neverHeld
    ? ({ kind: 'neverHeld' } as const)
    : ({ kind: 'lost', term: known?.term ?? 0, nowMs } as const);
  plan.actions.push({ kind: 'createOnce', manifest: leaderLease(cluster, beginning) });
}

const claimSizeOf = ({ statefulSet, cluster }: Observed): string | number | undefined =>
  statefulSet && isOurs(statefulSet, cluster)
    ? statefulSet.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests?.['storage']
    : undefined;

/** Volumes grow by their claims; Kubernetes takes no change of a StatefulSet's claim template. */
function planClaims({ cluster, claims }: Observed, plan: Plan): void {
  const size = cluster.spec.redis.storage?.size;
  const wanted = amount(size);
  if (wanted === undefined) return;
  for (const stored of claims) {
    const current = amount(stored.spec?.resources?.requests?.['storage']);
    if (current !== undefined && current < wanted) {
      plan.actions.push({ kind: 'growClaim', stored, size: String(size) });
    }
  }
}

/** Removes what the spec asked for before and does not any more. Never a Secret: it may be the only copy. */
function planDeletions({ cluster, objects }: Observed, desired: readonly Manifest[], plan: Plan): void {
  const wanted = new Set(desired.map(({ kind, metadata }) => objectId(kind, metadata.name)));
  if (cluster.spec.leaderElection.enabled) {
    wanted.add(objectId('Lease', namesOf(cluster.metadata.name).leaderLease));
  }
  for (const [id, stored] of objects) {
    if (wanted.has(id) || stored.kind === 'Secret' || !isOurs(stored, cluster)) continue;
    if (stored.metadata.deletionTimestamp) continue;
    plan.actions.push({ kind: 'delete', stored });
  }
}

/** The highest term that the Lease or the status remembers. */
export const termOf = ({ lease, cluster }: Pick<Observed, 'lease' | 'cluster'>): number => {
  const written = Number(lease?.metadata.annotations?.[LEASE_ANNOTATIONS.term] ?? 0);
  return Math.max(Number.isSafeInteger(written) ? written : 0, cluster.status?.leader?.term ?? 0);
};
