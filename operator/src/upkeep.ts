import { type HyperpageCluster, redisTlsName, SIDECAR_SETTINGS } from '@hyperpage/contract';
import { type Rotation, rotationOf } from './credentials.ts';
import {
  liveSettings,
  redisReplicasOf,
  SENTINEL_CONTAINER,
  SIDECAR_CONTAINER,
  withRedis,
} from './desired/index.ts';
import type { Stored } from './kube/index.ts';
import type { Observed } from './observe.ts';
import { isOurs } from './plan.ts';
import { isGoing, isReady, troubleOf } from './pods.ts';
import {
  type Credentials,
  nextStep,
  notWhole,
  type RedisPod,
  type RedisSite,
  type SettingNames,
  type Step,
} from './redis/index.ts';

/** What is to be done about Redis, from all that was observed. Pure. */

/** Redis pods that the StatefulSet was told to run; what the spec asks for while there is none. */
export const runningOf = ({ statefulSet, cluster }: Observed): number =>
  (statefulSet && isOurs(statefulSet, cluster) ? statefulSet.spec?.replicas : undefined) ??
  redisReplicasOf(cluster);

/** The next step about Redis. */
export function stepFor(observed: Observed, names: Pick<SettingNames, 'isSame'>): Step {
  const { cluster, redis } = observed;
  const { mode } = cluster.spec.redis;
  if (mode === 'External') return { kind: 'rest' };
  return nextStep({
    mode,
    wanted: redisReplicasOf(cluster),
    running: runningOf(observed),
    settings: wantedSettings(observed),
    isSame: names.isSame,
    pods: redisPodsOf(observed),
    redis,
    first: whatGoesFirst(observed),
  });
}

/** Redis pods that the StatefulSet should run after this visit: it grows at once and shrinks one by one. */
export const redisReplicasAfter = (observed: Observed, step: Step): number =>
  step.kind === 'shrink' ? step.to : Math.max(runningOf(observed), redisReplicasOf(observed.cluster));

/** Directives that Redis takes live, as they should be for the pods that run now. */
export const wantedSettings = (observed: Observed): Record<string, string> =>
  liveSettings(withRedis(observed.cluster, { replicas: runningOf(observed) }));

/** The Redis pods as the next step sees them. */
export function redisPodsOf({ redisPods, statefulSet }: Observed): RedisPod[] {
  const { updateRevision, observedGeneration } = statefulSet?.status ?? {};
  const known = observedGeneration === statefulSet?.metadata.generation && updateRevision !== undefined;
  return redisPods
    .map((pod) => {
      const kind = troubleOf(pod, '')?.kind;
      return {
        pod: pod.metadata.name,
        uid: pod.metadata.uid,
        ordinal: ordinalOf(pod),
        ready: isReady(pod),
        going: isGoing(pod),
        outdated: known && pod.metadata.labels?.['controller-revision-hash'] !== updateRevision,
        broken: kind !== undefined,
      };
    })
    .sort((a, b) => a.ordinal - b.ordinal);
}

const ordinalOf = ({ metadata: { name } }: Stored<'Pod'>): number =>
  Number(name.slice(name.lastIndexOf('-') + 1));

/** What has to be over before a Redis pod is restarted or removed on purpose, in words. */
function whatGoesFirst(observed: Observed): string | undefined {
  const { cluster } = observed;
  if (appStaysStandalone(observed)) return 'the new Redis pods follow the first one before the app moves';
  if (isAppRolling(observed)) return 'the app is rolled first';
  // They know only of the Redis that stands alone, and may have something for it yet.
  if (fromStandalone(observed) && observed.appPods.some(isGoing))
    return 'app pods that speak to the Redis that stood alone are stopping';
  const rotation = rotationFor(observed);
  if (cluster.spec.redis.mode === 'Sentinel' && rotation.kind !== 'none')
    return 'the password is rotated first';
  return undefined;
}

/** Its pods are being replaced. A rollout that makes no progress keeps nobody waiting: Redis may be what mends it. */
function isAppRolling({ deployment }: Observed): boolean {
  if (!deployment) return false;
  const { metadata, status, spec } = deployment;
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0, conditions = [] } = status ?? {};
  const wanted = spec?.replicas ?? 0;
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return true;
  const progress = conditions.find(({ type }) => type === 'Progressing');
  if (progress?.reason === 'ProgressDeadlineExceeded') return false;
  const replacing = updatedReplicas < wanted || replicas > wanted;
  const starting = progress !== undefined && progress.reason !== 'NewReplicaSetAvailable';
  return replacing || (starting && availableReplicas < wanted);
}

/** True from when mode Standalone became Sentinel until the new pods have all that the first one has: until then the app
 *  goes on speaking to that one. It moves once, and not back when a Sentinel hiccups later. */
export function appStaysStandalone(observed: Observed): boolean {
  const { deployment, redis } = observed;
  if (!fromStandalone(observed)) return false;
  if (!deployment || speaksToSentinels(deployment)) return false;
  if (!redis || redis.stale) return true;
  return notWhole(redisPodsOf(observed), redis.observation, redis.judgement) !== undefined;
}

/** A pod of mode Standalone is still there. */
const fromStandalone = ({ cluster, redisPods }: Observed): boolean =>
  cluster.spec.redis.mode === 'Sentinel' && redisPods.some((pod) => !isGoing(pod) && !hasSentinel(pod));

const hasSentinel = ({ spec }: Stored<'Pod'>): boolean =>
  spec?.containers.some(({ name }) => name === SENTINEL_CONTAINER) ?? false;

const speaksToSentinels = ({ spec }: Stored<'Deployment'>): boolean =>
  spec?.template.spec?.initContainers
    ?.find(({ name }) => name === SIDECAR_CONTAINER)
    ?.env?.some(({ name }) => name === SIDECAR_SETTINGS.redisSentinels.env) ?? false;

/** What a rotation of the password needs next. */
export function rotationFor({ credentials, secret, redis, appPods }: Observed): Rotation {
  if (!credentials) return { kind: 'none' };
  return rotationOf({
    stored: credentials,
    wanted: secret.kind === 'present' ? secret.value : undefined,
    redis,
    appIps: appPods.flatMap((pod) => (isReady(pod) && pod.status?.podIP ? [pod.status.podIP] : [])),
  });
}

/** Where Redis is and how to speak to it. */
export function siteOf(observed: Observed): RedisSite {
  const { cluster, redisPods, secret, claims } = observed;
  const present = redisPods.filter(({ status }) => !['Succeeded', 'Failed'].includes(status?.phase ?? ''));
  // A pod that no node took has never run; without volumes it holds nothing.
  const ran = present.filter(({ spec }) => spec?.nodeName);
  const expected = runningOf(observed);
  const { credentials } = observed;
  return {
    cluster,
    targets: ran
      .map((pod) => ({
        pod: pod.metadata.name,
        ...(pod.status?.podIP ? { ip: pod.status.podIP } : {}),
        sentinel: hasSentinel(pod),
      }))
      .sort((a, b) => a.pod.localeCompare(b.pod, 'en', { numeric: true })),
    expected,
    missingAreEmpty: !cluster.spec.redis.storage && claims.length === 0 && present.length >= expected,
    ...(cluster.spec.redis.mode === 'External' && secret.kind === 'present' ? { url: secret.value } : {}),
    credentials: credentialsFor(observed),
    questions: {
      settings: Object.keys(wantedSettings(observed)),
      // Only then is it of interest who uses which password.
      clients: credentials !== undefined && credentials.accepted.indexOf(credentials.password) > 0,
    },
  };
}

function credentialsFor({ cluster, credentials, certificates, secret }: Observed): Credentials | undefined {
  const { mode } = cluster.spec.redis;
  if (certificates.kind === 'missing') return undefined;
  const tls = certificates.kind === 'present' ? { ca: certificates.ca } : undefined;
  if (mode === 'External') return secret.kind === 'missing' ? undefined : tls ? { tls } : {};
  if (!credentials) return undefined;
  const others = credentials.accepted.filter((one) => one !== credentials.password);
  return {
    password: credentials.password,
    ...(others.length > 0 ? { others } : {}),
    ...(tls ? { tls: { ...tls, serverName: serverNameOf(cluster) } } : {}),
  };
}

const serverNameOf = ({ metadata }: HyperpageCluster) => redisTlsName(metadata.name, metadata.namespace);
