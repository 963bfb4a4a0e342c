import { ClusterSpec, type ClusterStatus, type HyperpageCluster, selectorLabels } from '@hyperpage/contract';
import { Value } from 'typebox/value';
import type { Stored } from '../../../operator/src/kube/index.ts';
import { type Observed, objectId } from '../../../operator/src/observe.ts';
import {
  createSettingMemory,
  digestOf,
  judge,
  type NodeReading,
  type RedisObservation,
  type SentinelReading,
} from '../../../operator/src/redis/index.ts';
import { stepFor } from '../../../operator/src/upkeep.ts';

export const UID = '0f8fad5b-d9cb-469f-a165-70867728950e';

type Deep<T> = T extends object ? { [K in keyof T]?: Deep<T[K]> } : T;

/** A HyperpageCluster as the API server gives it: `spec` with defaults filled in. */
export function clusterOf(spec: Deep<ClusterSpec> = {}, status?: ClusterStatus): HyperpageCluster {
  const written = { ...spec, app: { image: 'example:1', ...spec.app } };
  return {
    apiVersion: 'hyperpage.dev/v1alpha1',
    kind: 'HyperpageCluster',
    metadata: { name: 'demo', namespace: 'demo', uid: UID, generation: 3, resourceVersion: '10' },
    spec: Value.Default(ClusterSpec, written) as ClusterSpec,
    ...(status ? { status } : {}),
  };
}

const metadata = (name: string, component: 'app' | 'redis') => ({
  name,
  namespace: 'demo',
  uid: `uid-of-${name}`,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
  generation: 1,
  labels: selectorLabels('demo', component),
  ownerReferences: [{ apiVersion: 'v1', kind: 'HyperpageCluster', name: 'demo', uid: UID }],
});

export function deploymentOf(replicas: number, available: number, more: object = {}): Stored<'Deployment'> {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata('demo', 'app'),
    spec: { replicas, selector: {}, template: {} },
    status: {
      observedGeneration: 1,
      replicas,
      updatedReplicas: replicas,
      availableReplicas: available,
      ...more,
    },
  };
}

export function statefulSetOf(replicas: number, status: object = {}): Stored<'StatefulSet'> {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metadata('demo-redis', 'redis'),
    spec: { replicas, serviceName: 'demo-redis', selector: {}, template: {} },
    status: { observedGeneration: 1, replicas, updatedReplicas: replicas, ...status },
  };
}

export function podOf(
  name: string,
  component: 'app' | 'redis',
  ready: boolean,
  status: object = {},
): Stored<'Pod'> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadata(name, component),
    spec: {
      nodeName: 'node-1',
      containers: component === 'redis' ? [{ name: 'redis' }, { name: 'sentinel' }] : [{ name: 'app' }],
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      ...status,
    },
  };
}

export function leaseOf(holderIdentity: string, term = 4): Stored<'Lease'> {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { ...metadata('demo-leader', 'app'), annotations: { 'hyperpage.dev/term': String(term) } },
    spec: { holderIdentity, leaseDurationSeconds: 30, acquireTime: '2026-01-01T00:00:00.000000Z' },
  };
}

export const nodeOf = (pod: string, more: Partial<NodeReading> = {}) => ({
  reachable: true as const,
  pod,
  address: `10.0.0.${Number(pod.at(-1)) + 1}:6379`,
  role: 'unassigned' as const,
  formerPrimary: false,
  linkUp: false,
  loading: false,
  keys: 0,
  connectedReplicas: 0,
  slowestReplicaSeconds: 0,
  offset: 0,
  priority: 100,
  settings: {},
  credentials: { accepts: [digestOf('secret')], uses: digestOf('secret') },
  ...more,
});
export const sentinelOf = (pod: string, more: Partial<SentinelReading> = {}) => ({
  reachable: true as const,
  pod,
  address: `10.0.0.${Number(pod.at(-1)) + 1}:26379`,
  knows: 2,
  failingOver: false,
  primaryDown: false,
  quorum: 2,
  replicas: [],
  credentials: { accepts: [digestOf('secret')], uses: digestOf('secret') },
  ...more,
});
export const silentOf = (pod: string) => ({
  reachable: false as const,
  pod,
  address: '',
  problem: 'connect ETIMEDOUT',
});

export const PODS = ['demo-redis-0', 'demo-redis-1', 'demo-redis-2'] as const;

const REPLICAS = ['10.0.0.2:6379', '10.0.0.3:6379'].map((address) => ({
  address,
  down: false,
  priority: 100,
}));

/** Three Redis pods: the first is the primary and everybody agrees. */
export const wholeRedis = (more: Partial<RedisObservation> = {}): RedisObservation => ({
  expected: 3,
  missingAreEmpty: false,
  nodes: [
    nodeOf(PODS[0], { role: 'primary', connectedReplicas: 2 }),
    nodeOf(PODS[1], { role: 'replica', follows: '10.0.0.1:6379', linkUp: true }),
    nodeOf(PODS[2], { role: 'replica', follows: '10.0.0.1:6379', linkUp: true }),
  ],
  sentinels: PODS.map((pod) => sentinelOf(pod, { primary: '10.0.0.1:6379', replicas: REPLICAS })),
  ...more,
});

export const timed = (observation: RedisObservation, stale = false): NonNullable<Observed['redis']> => ({
  observation,
  judgement: judge(observation),
  ageMs: stale ? 60_000 : 100,
  strangersMs: 0,
  stale,
});

/** A cluster where all is well; `more` replaces parts of it. */
export function observedOf(more: Partial<Observed> = {}): Observed {
  const lease = leaseOf('demo-a_1');
  return {
    cluster: clusterOf(),
    objects: new Map([[objectId('Lease', 'demo-leader'), lease]]),
    deployment: deploymentOf(3, 3),
    statefulSet: statefulSetOf(3),
    autoscaler: undefined,
    lease,
    leaseSilentMs: 1000,
    appPods: ['demo-a', 'demo-b', 'demo-c'].map((name) => podOf(name, 'app', true)),
    redisPods: PODS.map((name) => podOf(name, 'redis', true)),
    claims: [],
    secret: { kind: 'present', value: 'secret' },
    credentials: { password: 'secret', accepted: ['secret'], generation: 1 },
    certificates: { kind: 'none' },
    redis: timed(wholeRedis()),
    ...more,
  };
}

/** What is to be done about Redis next. */
export const stepOf = (observed: Observed) => stepFor(observed, createSettingMemory().of(UID));
