import type { HyperpageCluster } from '@hyperpage/contract';
import type { Kind, Manifest } from '../kube/index.ts';
import { appServiceAccount, redisServiceAccount, sidecarRole, sidecarRoleBinding } from './access.ts';
import { appDeployment } from './app-deployment.ts';
import { autoscaler } from './autoscaler.ts';
import { appDisruptionBudget, redisDisruptionBudget } from './disruption-budgets.ts';
import { appNetworkPolicy, redisNetworkPolicy } from './network-policies.ts';
import { redisConfigMap } from './redis-config-map.ts';
import { redisStatefulSet } from './redis-stateful-set.ts';
import { appService, peersService, redisService } from './services.ts';

export { initialReplicas } from './app-deployment.ts';
export { APP_CONTAINER, DEFAULT_GRACE_SECONDS, LEAST_GRACE_SECONDS } from './app-pod.ts';
export { type LeaseBeginning, leaderLease } from './leader-lease.ts';
export { canonical, DIGEST_ANNOTATION, withDigest } from './meta.ts';
export { peerKeySecret } from './peer-key.ts';
export {
  credentialsData,
  credentialsSecret,
  passwordSecretOf,
  type RedisCredentials,
  redisSecret,
} from './redis-secret.ts';
export { liveSettings } from './redis-settings.ts';
export { REDIS_CONTAINER, SENTINEL_CONTAINER } from './redis-stateful-set.ts';
export * from './redis-topology.ts';
export { SIDECAR_CONTAINER } from './sidecar.ts';

/** Kinds of the objects that a HyperpageCluster owns directly. */
export const OWNED_KINDS = [
  'ServiceAccount',
  'Role',
  'RoleBinding',
  'Secret',
  'ConfigMap',
  'Service',
  'Lease',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'StatefulSet',
  'Deployment',
  'HorizontalPodAutoscaler',
] as const satisfies readonly Kind[];
export type OwnedKind = (typeof OWNED_KINDS)[number];

export interface DesiredContext {
  /** Namespace of the operator, which Redis's NetworkPolicy lets in. */
  operatorNamespace: string;
  /** Size in the volume claim template of the StatefulSet that exists. */
  claimSize?: string | number | undefined;
  /** Redis pods to run now, where that is not yet what the spec asks for. */
  redisReplicas?: number | undefined;
  /** True while Redis changes from Standalone to Sentinel and the app still speaks to the one that there was. */
  appStaysStandalone?: boolean;
}

/** `cluster` with another part of `spec.redis`. */
export const withRedis = (
  cluster: HyperpageCluster,
  part: Partial<HyperpageCluster['spec']['redis']>,
): HyperpageCluster => ({
  ...cluster,
  spec: { ...cluster.spec, redis: { ...cluster.spec.redis, ...part } },
});

/** Everything that is applied for `cluster`, in the order in which it is applied: what a pod needs comes before the
 *  pod. Secrets and the Lease are not here: they are created once (see plan). */
export function desiredObjects(cluster: HyperpageCluster, context: DesiredContext): Manifest<OwnedKind>[] {
  const { spec } = cluster;
  const { redisReplicas = spec.redis.replicas, appStaysStandalone } = context;
  const ofRedis = withRedis(cluster, { replicas: redisReplicas });
  const ofApp = appStaysStandalone ? withRedis(cluster, { mode: 'Standalone' }) : cluster;
  const redis = spec.redis.mode === 'External' ? [] : redisObjects(ofRedis, context);
  const hpa = autoscaler(cluster);
  return [
    appServiceAccount(cluster),
    sidecarRole(cluster),
    sidecarRoleBinding(cluster),
    ...redis,
    appService(cluster),
    peersService(cluster),
    ...(spec.networkPolicy.enabled ? [appNetworkPolicy(cluster)] : []),
    appDisruptionBudget(cluster),
    appDeployment(ofApp),
    ...(hpa ? [hpa] : []),
  ];
}

const redisObjects = (cluster: HyperpageCluster, context: DesiredContext): Manifest<OwnedKind>[] => [
  redisServiceAccount(cluster),
  redisConfigMap(cluster),
  redisService(cluster),
  ...(cluster.spec.networkPolicy.enabled ? [redisNetworkPolicy(cluster, context.operatorNamespace)] : []),
  redisDisruptionBudget(cluster),
  redisStatefulSet(cluster, context.claimSize),
];
