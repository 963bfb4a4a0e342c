import { GROUP, type HyperpageCluster, namesOf, PORTS, selectorLabels } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { labelsOf, metadataOf } from './meta.ts';
import { passwordMount, passwordVolume, tlsMount, tlsVolume } from './redis-access.ts';
import { startSettings } from './redis-settings.ts';
import { redisReplicasOf, sentinelNameOf } from './redis-topology.ts';
import { type Container, fromField, RESTRICTED } from './sidecar.ts';
import { spread } from './spread.ts';

type StatefulSetSpec = NonNullable<Manifest<'StatefulSet'>['spec']>;

export const REDIS_CONTAINER = 'redis';
export const SENTINEL_CONTAINER = 'sentinel';
const REDIS_USER = 999;
const SCRIPTS = '/opt/hyperpage';
const DATA_VOLUME = 'data';

/** Redis: a StatefulSet whose pods start side by side and sort out among themselves who is primary (scripts in
 *  redis-scripts.ts). `claimSize` is the size in the volume claim template, which Kubernetes never lets change: the
 *  size that the StatefulSet was made with. */
export function redisStatefulSet(
  cluster: HyperpageCluster,
  claimSize?: string | number,
): Manifest<'StatefulSet'> {
  const { name } = cluster.metadata;
  const { redis, autoscaling: _, ...rest } = cluster.spec;
  const whenDeleted = rest.deletionPolicy;
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metadataOf(cluster, namesOf(name).redis, 'redis'),
    spec: {
      serviceName: namesOf(name).redisHeadless,
      replicas: redisReplicasOf(cluster),
      podManagementPolicy: 'Parallel',
      revisionHistoryLimit: 5,
      // The operator restarts pods itself: the primary last, after it has handed over (redis/next-step.ts).
      updateStrategy: { type: 'OnDelete' },
      selector: { matchLabels: selectorLabels(name, 'redis') },
      template: { metadata: podMetadata(cluster), spec: podSpec(cluster) },
      ...(redis.storage
        ? {
            persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled: 'Retain' },
            volumeClaimTemplates: [claimTemplate(cluster, claimSize ?? redis.storage.size)],
          }
        : {}),
    },
  };
}

/** Settings that Redis takes at its start only stand here as well, so that a change of one makes a new revision. */
const podMetadata = (cluster: HyperpageCluster) => {
  const settings = startSettings(cluster);
  return {
    labels: labelsOf(cluster, 'redis'),
    ...(settings === undefined ? {} : { annotations: { [`${GROUP}/start-settings`]: settings } }),
  };
};

const claimTemplate = (
  cluster: HyperpageCluster,
  size: string | number,
): NonNullable<StatefulSetSpec['volumeClaimTemplates']>[number] => {
  const storageClassName = cluster.spec.redis.storage?.storageClassName;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: DATA_VOLUME, labels: selectorLabels(cluster.metadata.name, 'redis') },
    spec: {
      accessModes: ['ReadWriteOnce'],
      ...(storageClassName === undefined ? {} : { storageClassName }),
      resources: { requests: { storage: String(size) } },
    },
  };
};

function podSpec(cluster: HyperpageCluster): NonNullable<StatefulSetSpec['template']['spec']> {
  const { name } = cluster.metadata;
  const sentinel = cluster.spec.redis.mode === 'Sentinel';
  return {
    serviceAccountName: namesOf(name).redis,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: REDIS_USER,
      runAsGroup: REDIS_USER,
      fsGroup: REDIS_USER,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...spread(cluster, 'redis'),
    containers: [redisContainer(cluster), ...(sentinel ? [sentinelContainer(cluster)] : [])],
    volumes: [
      { name: 'scripts', configMap: { name: namesOf(name).redis, defaultMode: 0o555 } },
      passwordVolume(cluster),
      ...tlsVolume(cluster, 'server'),
      ...(cluster.spec.redis.storage ? [] : [{ name: DATA_VOLUME, emptyDir: {} }]),
      // A Sentinel's memory outlives a crash of its container, not its pod: a new pod has another address.
      ...(sentinel ? [{ name: 'sentinel', emptyDir: {} }] : []),
    ],
  };
}

const mounts = (cluster: HyperpageCluster, data: string): NonNullable<Container['volumeMounts']> => [
  { name: data, mountPath: '/data' },
  { name: 'scripts', mountPath: SCRIPTS, readOnly: true },
  passwordMount,
  ...tlsMount(cluster),
];

const commonEnv = (cluster: HyperpageCluster): NonNullable<Container['env']> => [
  fromField('POD_IP', 'status.podIP'),
  fromField('POD_NAME', 'metadata.name'),
  { name: 'PRIMARY_NAME', value: sentinelNameOf(cluster) },
  ...(cluster.spec.redis.tls ? [{ name: 'TLS', value: 'yes' }] : []),
];

function redisContainer(cluster: HyperpageCluster): Container {
  const { redis } = cluster.spec;
  const probe = (what: string) => ({ exec: { command: ['sh', `${SCRIPTS}/probe.sh`, what] } });
  return {
    name: REDIS_CONTAINER,
    image: redis.image,
    ...(redis.imagePullPolicy ? { imagePullPolicy: redis.imagePullPolicy } : {}),
    command: ['sh', `${SCRIPTS}/redis.sh`],
    env: [...commonEnv(cluster), { name: 'MODE', value: redis.mode }],
    ports: [{ name: 'redis', containerPort: PORTS.redis, protocol: 'TCP' }],
    resources: redis.resources as NonNullable<Container['resources']>,
    securityContext: RESTRICTED,
    startupProbe: { ...probe('live'), periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 60 },
    livenessProbe: { ...probe('live'), periodSeconds: 15, timeoutSeconds: 10, failureThreshold: 4 },
    readinessProbe: { ...probe('ready'), periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 2 },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: mounts(cluster, DATA_VOLUME),
  };
}

function sentinelContainer(cluster: HyperpageCluster): Container {
  const { redis } = cluster.spec;
  return {
    name: SENTINEL_CONTAINER,
    image: redis.image,
    ...(redis.imagePullPolicy ? { imagePullPolicy: redis.imagePullPolicy } : {}),
    command: ['sh', `${SCRIPTS}/sentinel.sh`],
    env: commonEnv(cluster),
    ports: [{ name: 'sentinel', containerPort: PORTS.sentinel, protocol: 'TCP' }],
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
    securityContext: RESTRICTED,
    livenessProbe: {
      tcpSocket: { port: PORTS.sentinel },
      initialDelaySeconds: 10,
      periodSeconds: 15,
      timeoutSeconds: 5,
      failureThreshold: 4,
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: mounts(cluster, 'sentinel'),
  };
}
