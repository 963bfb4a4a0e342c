import { redisReplicasOf, SIDECAR_CONTAINER } from '../desired/index.ts';
import type { Observed } from '../observe.ts';
import { LAGGING_SECONDS } from '../redis/index.ts';
import { appCounts } from './app.ts';
import { isGoing, isReady, troubleOf } from './pods.ts';
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

function unschedulable({ appPods, redisPods }: Observed): Verdict | undefined {
  const troubles = [...appPods, ...redisPods].map((pod) => troubleOf(pod, SIDECAR_CONTAINER));
  const pending = troubles.filter((trouble) => trouble?.kind === 'unschedulable');
  const [first] = pending;
  if (!first) return undefined;
  const pods = few(pending.map((trouble) => trouble?.pod ?? '').sort());
  const text = `No node takes ${pods}: ${first.message}. Add nodes, or lower the resources that the pods request.`;
  return verdict('Degraded', 'True', 'PodUnschedulable', text);
}

function rolloutStuck({ deployment }: Observed): Verdict | undefined {
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
  const expected = redisReplicasOf(observed.cluster);
  const ready = observed.redisPods.filter((pod) => isReady(pod) && !isGoing(pod)).length;
  if (ready < expected) {
    return verdict('Degraded', 'True', 'ReplicaDown', `${ready} of ${expected} Redis pods are ready.`);
  }
  return undefined;
}

function redisRedundancy({ cluster, redis }: Observed): Verdict | undefined {
  if (cluster.spec.redis.mode !== 'Sentinel') return undefined;
  if (!redis || redis.stale) return notObserved('Redis has not been looked at lately.');
  const { nodes, sentinels, expected } = redis.observation;
  const cut = nodes.filter(
    (node) => !node.reachable || node.role === 'unassigned' || (node.role === 'replica' && !node.linkUp),
  );
  if (cut.length > 0) {
    const text = `Redis ${few(cut.map(({ pod }) => pod))} does not follow the primary.`;
    return verdict('Degraded', 'True', 'ReplicaDown', text);
  }
  const lag = redis.judgement.primary?.slowestReplicaSeconds ?? 0;
  if (lag > LAGGING_SECONDS) {
    const text = `A Redis replica has been silent for more than ${LAGGING_SECONDS} seconds.`;
    return verdict('Degraded', 'True', 'ReplicationLagging', text);
  }
  const down = sentinels.filter((sentinel) => !sentinel.reachable || sentinel.primary === undefined);
  if (down.length > 0 || sentinels.length < expected) {
    const who = down.length > 0 ? `: no answer from ${few(down.map(({ pod }) => pod))}` : '';
    const text = `${sentinels.length - down.length} of ${expected} Sentinels watch the primary${who}.`;
    return verdict('Degraded', 'True', 'SentinelDown', text);
  }
  return undefined;
}
