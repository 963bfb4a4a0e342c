import { GROUP } from './group.ts';

/** Names of everything the operator makes for the cluster `cluster`; all are in the CR's own namespace. */
export const namesOf = (cluster: string) => ({
  /** Deployment, Service, HPA, PodDisruptionBudget, NetworkPolicy, ServiceAccount, Role and RoleBinding of the app. */
  app: cluster,
  /** Lease that says who leads among the app's pods. */
  leaderLease: `${cluster}-leader`,
  /** StatefulSet, ConfigMap, ServiceAccount, PodDisruptionBudget and NetworkPolicy of Redis. */
  redis: `${cluster}-redis`,
  /** Headless Service of the Redis pods; publishes not-ready addresses, so that they find each other at the start. */
  redisHeadless: `${cluster}-redis`,
  /** Secret with Redis's password, key `password`: what the user reads, and changes to have it rotated. */
  redisAuthSecret: `${cluster}-redis-auth`,
  /** Secret that the pods mount, keys `CREDENTIAL_FILES`: the password in use and those that are accepted. */
  redisCredentialsSecret: `${cluster}-redis-credentials`,
  /** Headless Service of the app pods, by which sidecars find each other without Redis; and the Secret with the key
   *  that they prove themselves with, key `key`. */
  peers: `${cluster}-peers`,
});

/** Kubernetes names of pods of the Redis StatefulSet: `demo-redis-0` … */
export const redisPodName = (cluster: string, ordinal: number) => `${namesOf(cluster).redis}-${ordinal}`;

export const LABELS = {
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  component: 'app.kubernetes.io/component',
  partOf: 'app.kubernetes.io/part-of',
  managedBy: 'app.kubernetes.io/managed-by',
  cluster: `${GROUP}/cluster`,
} as const;

export type Component = 'app' | 'redis';

/** Labels that select a component's pods: they never change, as a Deployment's selector cannot. */
export const selectorLabels = (cluster: string, component: Component): Record<string, string> => ({
  [LABELS.cluster]: cluster,
  [LABELS.component]: component,
});

/** Field manager of the operator's server-side apply. */
export const FIELD_MANAGER = 'hyperpage-operator';

/** Annotations on the leader Lease. */
export const LEASE_ANNOTATIONS = {
  /** The highest term ever given with this Lease, a decimal integer; it only grows (invariant E2). */
  term: `${GROUP}/term`,
  /** The sidecars whose promises the leader needs, and the term that named them: see runtime/election/electors.ts. */
  electors: `${GROUP}/electors`,
  /** The pod that should lead if it can: for people to set. */
  preferred: `${GROUP}/preferred-leader`,
} as const;

/** `holderIdentity` of a Lease that came back after somebody deleted it: held by someone unknown, wait it out. */
export const UNKNOWN_HOLDER = 'unknown';

/** Ports. The app finds the sidecar's API in `HYPERPAGE_URL`; nothing else in the pod's network can reach it. */
export const PORTS = {
  /** Sidecar API for the app: 127.0.0.1 only. */
  sidecar: 7070,
  /** Sidecar health and metrics for kubelet and Prometheus, and what sidecars ask each other, on the pod IP. Nothing of
   *  the app API is served here. */
  sidecarPod: 7071,
  redis: 6379,
  sentinel: 26379,
  operatorMetrics: 8080,
} as const;

/** Where a file with Redis's password is mounted in the containers that need it. */
export const REDIS_PASSWORD_FILE = '/run/secrets/hyperpage/redis/password';

/** Files beside it, which are the keys of the Secret that is mounted. */
export const CREDENTIAL_FILES = {
  /** The password that clients use now. */
  password: 'password',
  /** Passwords that servers accept, one a line: one, or two while the password is rotated. */
  accepted: 'accepted',
  /** Decimal integer that grows each time the password in use changes. */
  generation: 'generation',
} as const;

/** Where the key of the Secret `namesOf(cluster).peers` is mounted in sidecars. */
export const PEER_KEY_FILE = '/run/secrets/hyperpage/peers/key';

/** Where Redis's certificates are mounted: tls.crt, tls.key and ca.crt in Redis pods, ca.crt alone in app pods. */
export const REDIS_TLS_DIRECTORY = '/run/secrets/hyperpage/redis-tls';

/** DNS name that Redis's certificate is verified against: connections go to addresses of pods. */
export const redisTlsName = (cluster: string, namespace: string) =>
  `${namesOf(cluster).redisHeadless}.${namespace}.svc`;

/** Annotations that people put on a HyperpageCluster. */
export const ANNOTATIONS = {
  /** Name of the Redis pod whose data are right: the answer to Stalled=DataConflict. */
  choosePrimary: `${GROUP}/choose-primary`,
} as const;
