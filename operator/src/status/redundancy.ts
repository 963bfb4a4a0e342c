import { REDIS_CONTAINER, SENTINEL_CONTAINER, SIDECAR_CONTAINER } from '../desired/index.ts';
import type { Stored } from '../kube/index.ts';
import type { Observed } from '../observe.ts';
import { isContainerReady, isGoing, isReady, troublesOf } from '../pods.ts';
import { LAGGING_SECONDS } from '../redis/index.ts';
import { runningOf } from '../upkeep.ts';
import { appCounts } from './app.ts';
import { obstacleOf } from './progress.ts';
import { few, healthy, notObserved, type Verdict, verdict } from './verdict.ts';

/** Degraded: something that is there to be spare is not. It works, and one more fault may be too many. */
export function degraded(observed: Observed): Verdict {
  if (!observed.deployment) return notObserved('The Deployment is being made.');
  return (
    unschedulable(observed) ??
    rolloutStuck(observed) ??
    replicaDown(observed) ??
    redisRedundancy(observed) ??
    healthy('Degraded', 'Every pod is ready.')
  );
}

function unschedulable({ appPods, redisPods, claims }: Observed): Verdict | undefined {
  const troubles = troublesOf([...appPods, ...redisPods], SIDECAR_CONTAINER);
  const pending = troubles.filter(({ kind }) => kind === 'unschedulable');
  const [first] = pending;
  if (!first) return undefined;
  const pods = few(pending.map(({ pod }) => pod));
  const unbound = claims.find(({ status }) => status?.phase === 'Pending');
  const storageClass = unbound?.spec?.storageClassName;
  const advice = unbound
    ? `Volume claim ${unbound.metadata.name} waits for a volume of ${storageClass ? `storage class ${storageClass}` : 'the default storage class'}: see that it exists (kubectl get storageclass) and can provide one (kubectl describe pvc ${unbound.metadata.name}).`
    : 'Add nodes, or lower the resources that the pods request.';
  const text = `No node takes ${pods}: ${first.message}. ${advice}`;
  return verdict('Degraded', 'True', 'PodUnschedulable', text);
}

function rolloutStuck(observed: Observed): Verdict | undefined {
  const { deployment } = observed;
  const obstacle = obstacleOf(observed);
  if (obstacle) {
    const text = `A rollout waits for pod ${obstacle.pod}: ${obstacle.message}. Mend that, or write the former spec again.`;
    return verdict('Degraded', 'True', 'RolloutStuck', text);
  }
  const progressing = deployment?.status?.conditions?.find(({ type }) => type === 'Progressing');
  if (progressing?.reason !== 'ProgressDeadlineExceeded') return undefined;
  const text = 'The rollout of the app makes no progress: see AppAvailable, or write the former image again.';
  return verdict('Degraded', 'True', 'RolloutStuck', text);
}

function replicaDown(observed: Observed): Verdict | undefined {
  const { wanted, available } = appCounts(observed);
  if (available < wanted) {
    const text = `${available} of ${wanted} app pods are available.`;
    return verdict('Degraded', 'True', 'ReplicaDown', text);
  }
  const expected = observed.cluster.spec.redis.mode === 'External' ? 0 : runningOf(observed);
  const ready = observed.redisPods.filter((pod) => isRedisReady(pod) && !isGoing(pod)).length;
  if (ready < expected) {
    return verdict('Degraded', 'True', 'ReplicaDown', `${ready} of ${expected} Redis pods are ready.`);
  }
  return undefined;
}

/** Redis itself: a Sentinel that is down beside it takes the pod out of Ready as well, and is another matter. */
const isRedisReady = (pod: Stored<'Pod'>): boolean =>
  isReady(pod) || (isContainerReady(pod, REDIS_CONTAINER) && !isContainerReady(pod, SENTINEL_CONTAINER));

function redisRedundancy({ cluster, redis, redisPods }: Observed): Verdict | undefined {
  if (cluster.spec.redis.mode !== 'Sentinel') return undefined;
  if (!redis || redis.stale) return notObserved('Redis has not been looked at lately.');
  const { sentinels, expected } = redis.observation;
  const cut = notFollowing(redis);
  if (cut) return verdict('Degraded', 'True', 'ReplicaDown', cut);
  const lag = redis.judgement.primary?.slowestReplicaSeconds ?? 0;
  if (lag > LAGGING_SECONDS) {
    const text = `A Redis replica has been silent for more than ${LAGGING_SECONDS} seconds.`;
    return verdict('Degraded', 'True', 'ReplicationLagging', text);
  }
  const down = sentinels.filter((sentinel) => !sentinel.reachable || sentinel.primary === undefined);
  const stopped = redisPods
    .filter((pod) => !isReady(pod) && !isGoing(pod))
    .map(({ metadata }) => metadata.name);
  const pods = [...new Set([...down.map(({ pod }) => pod), ...stopped])].sort();
  if (pods.length > 0 || sentinels.length < expected) {
    const who = pods.length > 0 ? `: not the one of ${few(pods)}` : '';
    const text = `${sentinels.length - pods.length} of ${expected} Sentinels watch the primary${who}.`;
    return verdict('Degraded', 'True', 'SentinelDown', text);
  }
  return undefined;
}

type Redis = NonNullable<Observed['redis']>;

/** Says which Redis pods are no spare, or undefined when every one but the primary follows it. */
function notFollowing({ observation: { nodes }, judgement: { primary } }: Redis): string | undefined {
  const silent: string[] = [];
  const cut: string[] = [];
  const surplus: string[] = [];
  for (const node of nodes) {
    if (!node.reachable) silent.push(node.pod);
    else if (node.role === 'primary' && node.pod !== primary?.pod) surplus.push(node.pod);
    else if (node.role === 'unassigned' || (node.role === 'replica' && !node.linkUp)) cut.push(node.pod);
  }
  const texts = [
    [silent, 'does not answer', 'do not answer'] as const,
    [cut, 'does not follow the primary', 'do not follow the primary'] as const,
    [surplus, 'is a primary that nobody elected', 'are primaries that nobody elected'] as const,
  ]
    .filter(([pods]) => pods.length > 0)
    .map(([pods, one, several]) => `${few(pods)} ${pods.length === 1 ? one : several}`);
  return texts.length > 0 ? `Redis ${texts.join('; ')}.` : undefined;
}
