import {
  type HyperpageCluster,
  namesOf,
  PEER_KEY_FILE,
  PORTS,
  REDIS_PASSWORD_FILE,
  REDIS_TLS_DIRECTORY,
  redisPodName,
  redisTlsName,
  SIDECAR_SETTINGS,
} from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { peerKeyMount, peerKeyVolume } from './peer-key.ts';
import { passwordMount, passwordVolume, tlsMount, tlsVolume } from './redis-access.ts';
import { majorityReplicasOf } from './redis-settings.ts';
import { sentinelNameOf } from './redis-topology.ts';

type PodSpec = NonNullable<NonNullable<Manifest<'Deployment'>['spec']>['template']['spec']>;
export type Container = PodSpec['containers'][number];
export type Volume = NonNullable<PodSpec['volumes']>[number];
type EnvVar = NonNullable<Container['env']>[number];

export const SIDECAR_CONTAINER = 'sidecar';
const TOKEN_VOLUME = 'hyperpage-token';
const TOKEN_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';
const SIDECAR_USER = 65532;

/** What every container of ours may do: nothing but its work (Pod Security Standard `restricted`). */
export const RESTRICTED: NonNullable<Container['securityContext']> = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
};

/** The sidecar as a native sidecar: an init container that stays, so it starts before the app and stops after it.
 *  The app starts once the sidecar's API answers; the pod is ready once the sidecar has seen the Lease and Redis. */
export function sidecarContainer(cluster: HyperpageCluster): Container {
  const { sidecar } = cluster.spec;
  const probe = (path: string) => ({ httpGet: { path, port: PORTS.sidecarPod, scheme: 'HTTP' } });
  return {
    name: SIDECAR_CONTAINER,
    image: sidecar.image,
    ...(sidecar.imagePullPolicy ? { imagePullPolicy: sidecar.imagePullPolicy } : {}),
    restartPolicy: 'Always',
    env: sidecarEnv(cluster),
    ports: [{ name: 'sidecar', containerPort: PORTS.sidecarPod, protocol: 'TCP' }],
    resources: sidecar.resources as NonNullable<Container['resources']>,
    securityContext: { ...RESTRICTED, runAsUser: SIDECAR_USER, runAsGroup: SIDECAR_USER },
    startupProbe: { ...probe('/healthz'), periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 120 },
    livenessProbe: { ...probe('/healthz'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2 },
    volumeMounts: [
      { name: TOKEN_VOLUME, mountPath: TOKEN_DIRECTORY, readOnly: true },
      peerKeyMount,
      ...(hasPasswordFile(cluster) ? [passwordMount] : []),
      ...tlsMount(cluster),
    ],
  };
}

/** In mode External the password stands in the URL. */
const hasPasswordFile = (cluster: HyperpageCluster) => cluster.spec.redis.mode !== 'External';

/** The volumes that the sidecar needs. The token is one of our own, mounted in the sidecar only: the app gets none. */
export const sidecarVolumes = (cluster: HyperpageCluster): Volume[] => [
  {
    name: TOKEN_VOLUME,
    projected: {
      defaultMode: 0o444,
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      ],
    },
  },
  peerKeyVolume(cluster),
  ...(hasPasswordFile(cluster) ? [passwordVolume(cluster)] : []),
  ...tlsVolume(cluster, 'client'),
];

type SettingName = keyof typeof SIDECAR_SETTINGS;

/** The sidecar's settings (contract/src/settings.ts) as the CR wants them. */
function sidecarEnv(cluster: HyperpageCluster): EnvVar[] {
  const { app, sessions, coordination, leaderElection, sidecar, redis } = cluster.spec;
  const values: Partial<Record<SettingName, string | number | boolean>> = {
    port: sidecar.port,
    podPort: PORTS.sidecarPod,
    leaseName: namesOf(cluster.metadata.name).leaderLease,
    logLevel: sidecar.logLevel,
    electionEnabled: leaderElection.enabled,
    electionTimeoutMs: leaderElection.timeoutMs,
    heartbeatIntervalMs: leaderElection.heartbeatIntervalMs,
    promiseMs: leaderElection.promiseMs,
    sessionTtlSeconds: sessions.ttlSeconds,
    sessionCleanupIntervalMinutes: sessions.cleanupIntervalMinutes,
    sessionFallbackToMemory: sessions.fallbackToMemory,
    sessionReplicas:
      redis.mode === 'Sentinel' && sessions.acknowledge === 'Replica'
        ? majorityReplicasOf(redis.replicas)
        : 0,
    secureCookie: sessions.secureCookie,
    sessionBindIp: sessions.bindIp,
    sessionNearCacheMs: sessions.nearCacheMs,
    coordinationEnabled: coordination.enabled,
    channelPrefix: coordination.channelPrefix,
    highPriorityThreshold: coordination.highPriorityThreshold,
    normalPriorityThreshold: coordination.normalPriorityThreshold,
    // Short, as the names of Redis: one question to DNS.
    peersHost: namesOf(cluster.metadata.name).peers,
    peerKeyFile: PEER_KEY_FILE,
    ...(coordination.callbackPath
      ? { callbackUrl: `http://127.0.0.1:${app.port}${coordination.callbackPath}` }
      : {}),
  };
  return [
    fromField(SIDECAR_SETTINGS.podName.env, 'metadata.name'),
    fromField(SIDECAR_SETTINGS.podIp.env, 'status.podIP'),
    fromField(SIDECAR_SETTINGS.nodeName.env, 'spec.nodeName'),
    fromField(SIDECAR_SETTINGS.namespace.env, 'metadata.namespace'),
    ...(Object.entries(values) as Array<[SettingName, string | number | boolean]>).map(([name, value]) => ({
      name: SIDECAR_SETTINGS[name].env,
      value: String(value),
    })),
    ...redisEnv(cluster),
  ];
}

export const fromField = (name: string, fieldPath: string): EnvVar => ({
  name,
  valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
});

/** How the sidecar finds Redis. Names are short: the pod's own search path completes them in one question. */
function redisEnv(cluster: HyperpageCluster): EnvVar[] {
  const { redis } = cluster.spec;
  const { name } = cluster.metadata;
  const { redisUrl, redisSentinels, redisMasterName, redisPasswordFile } = SIDECAR_SETTINGS;
  if (redis.mode === 'External') {
    const secretKeyRef = redis.urlSecretRef;
    const url = secretKeyRef ? [{ name: redisUrl.env, valueFrom: { secretKeyRef } }] : [];
    return [...url, ...tlsEnv(cluster)];
  }
  const host = (ordinal: number) => `${redisPodName(name, ordinal)}.${namesOf(name).redisHeadless}`;
  const password = { name: redisPasswordFile.env, value: REDIS_PASSWORD_FILE };
  if (redis.mode === 'Standalone') {
    const scheme = redis.tls ? 'rediss' : 'redis';
    return [
      { name: redisUrl.env, value: `${scheme}://${host(0)}:${PORTS.redis}` },
      password,
      ...tlsEnv(cluster),
    ];
  }
  // All of them: a majority has to vouch for the primary (sidecar/src/redis/vouchers.ts).
  const sentinels = Array.from({ length: redis.replicas }, (_, i) => `${host(i)}:${PORTS.sentinel}`);
  return [
    { name: redisSentinels.env, value: sentinels.join(',') },
    { name: redisMasterName.env, value: sentinelNameOf(cluster) },
    password,
    ...tlsEnv(cluster),
  ];
}

/** The certificate of a Redis of ours is for one name, whichever pod shows it. */
function tlsEnv({ spec: { redis }, metadata }: HyperpageCluster): EnvVar[] {
  if (!redis.tls) return [];
  const { redisCaFile, redisTlsServerName } = SIDECAR_SETTINGS;
  const ca = { name: redisCaFile.env, value: `${REDIS_TLS_DIRECTORY}/ca.crt` };
  if (redis.mode === 'External') return [ca];
  return [ca, { name: redisTlsServerName.env, value: redisTlsName(metadata.name, metadata.namespace) }];
}
