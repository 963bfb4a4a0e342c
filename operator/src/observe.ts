import { type HyperpageCluster, namesOf } from '@hyperpage/contract';
import { type Certificates, readCertificates } from './certificates.ts';
import { credentialsIn } from './credentials.ts';
import { OWNED_KINDS, type OwnedKind, passwordSecretOf, type RedisCredentials } from './desired/index.ts';
import type { Cache, Kind, ObjectKey, Stored } from './kube/index.ts';
import type { LeaseSilence } from './lease-silence.ts';
import type { RedisObservations, TimedRedisObservation } from './redis/index.ts';
import type { SecretReader, SecretValue } from './secrets.ts';

/** Kinds that the operator watches. */
export const WATCHED_KINDS = [
  'HyperpageCluster',
  ...OWNED_KINDS,
  'Pod',
  'PersistentVolumeClaim',
] as const satisfies readonly Kind[];
export type WatchedKind = (typeof WATCHED_KINDS)[number];
export type Caches = { readonly [K in WatchedKind]: Cache<K> };

/** All that one visit to a HyperpageCluster knows. Nothing is asked for later: decisions are functions of this. */
export interface Observed {
  cluster: HyperpageCluster;
  /** Objects with the cluster's label, ours or not, by `objectId`. */
  objects: ReadonlyMap<string, Stored<OwnedKind>>;
  deployment: Stored<'Deployment'> | undefined;
  statefulSet: Stored<'StatefulSet'> | undefined;
  autoscaler: Stored<'HorizontalPodAutoscaler'> | undefined;
  lease: Stored<'Lease'> | undefined;
  /** How long the Lease has not been renewed, by our own clock, in milliseconds. */
  leaseSilentMs: number;
  appPods: Stored<'Pod'>[];
  redisPods: Stored<'Pod'>[];
  claims: Stored<'PersistentVolumeClaim'>[];
  /** What the user says: Redis's password as it is to be (modes Standalone and Sentinel), or its URL (External). */
  secret: SecretValue;
  /** The passwords that the pods are given; undefined while there are none, and in mode External. */
  credentials: RedisCredentials | undefined;
  certificates: Certificates;
  redis: TimedRedisObservation | undefined;
}

export interface Sources {
  caches: Caches;
  silence: LeaseSilence;
  secrets: SecretReader;
  redis: RedisObservations;
}

/** Names an object among those of one HyperpageCluster. */
export const objectId = (kind: Kind, name: string): string => `${kind}/${name}`;

/** Reads what is known of `cluster` from the caches. Only a Secret of the user's, which no cache holds, may cost a
 *  request. @throws KubeError when that request fails. */
export async function observe(cluster: HyperpageCluster, sources: Sources): Promise<Observed> {
  const { namespace, name } = cluster.metadata;
  const key = { namespace, name };
  const { caches, silence, redis } = sources;
  const objects = new Map<string, Stored<OwnedKind>>();
  for (const kind of OWNED_KINDS) {
    for (const object of caches[kind].byCluster(key))
      objects.set(objectId(kind, object.metadata.name), object);
  }
  const names = namesOf(name);
  const lease = caches.Lease.get({ namespace, name: names.leaderLease });
  return {
    cluster,
    objects,
    deployment: caches.Deployment.get({ namespace, name: names.app }),
    statefulSet: caches.StatefulSet.get({ namespace, name: names.redis }),
    autoscaler: caches.HorizontalPodAutoscaler.get({ namespace, name: names.app }),
    lease,
    leaseSilentMs: lease ? silence.silentMs(lease) : 0,
    ...podsOf(caches, key),
    claims: caches.PersistentVolumeClaim.byCluster(key),
    secret: await secretOf(cluster, sources),
    credentials: credentialsIn(caches.Secret.get({ namespace, name: names.redisCredentialsSecret })),
    certificates: await readCertificates(cluster, sources.secrets),
    redis: redis.get(cluster),
  };
}

const podsOf = (caches: Caches, key: ObjectKey) => {
  const pods = caches.Pod.byCluster(key);
  const of = (component: string) =>
    pods.filter((pod) => pod.metadata.labels?.['app.kubernetes.io/component'] === component);
  return { appPods: of('app'), redisPods: of('redis') };
};

async function secretOf(cluster: HyperpageCluster, { caches, secrets }: Sources): Promise<SecretValue> {
  const { namespace } = cluster.metadata;
  const { redis } = cluster.spec;
  const reference = redis.mode === 'External' ? redis.urlSecretRef : redis.authSecretRef;
  if (reference) return ofOneLine(await secrets.read(namespace, reference), reference.name);
  const own = passwordSecretOf(cluster);
  const stored = caches.Secret.get({ namespace, name: own.name });
  return ofOneLine(secrets.valueIn(stored, { namespace, ...own }), own.name);
}

const ofOneLine = (secret: SecretValue, name: string): SecretValue =>
  secret.kind === 'present' && /[\r\n]/.test(secret.value)
    ? { kind: 'missing', problem: `${name} holds several lines: write one of one line`, exists: true }
    : secret;
