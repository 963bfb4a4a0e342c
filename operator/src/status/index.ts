import {
  ANNOTATIONS,
  type ClusterStatus,
  CONDITION_TYPES,
  type Condition,
  type ConditionType,
  selectorLabels,
} from '@hyperpage/contract';
import type { Observed } from '../observe.ts';
import type { Problem } from '../plan.ts';
import { isGoing, isReady } from '../pods.ts';
import type { Step } from '../redis/index.ts';
import { appAvailable, autoscalingActive } from './app.ts';
import { configurationWarning, paused } from './configuration.ts';
import { leaderElected, leaderStatus } from './leader.ts';
import { progressing } from './progress.ts';
import { redisAvailable, sentinelQuorum } from './redis.ts';
import { degraded } from './redundancy.ts';
import { healthy, type Verdict, verdict } from './verdict.ts';

/** The whole status from what was observed, what is to be done about Redis next and what stood in the way of the last
 *  writes. Pure: the same input gives the same status. `nowMs` (wall clock) becomes `lastTransitionTime` only of
 *  conditions whose status flipped. */
export function statusOf(
  observed: Observed,
  step: Step,
  problems: readonly Problem[],
  nowMs: number,
): ClusterStatus {
  const { cluster, deployment, appPods } = observed;
  const verdicts = verdictsOf(observed, step, problems, nowMs);
  const leader = leaderStatus(observed);
  const redis = redisStatus(observed);
  const selector = Object.entries(selectorLabels(cluster.metadata.name, 'app'));
  return {
    observedGeneration: cluster.metadata.generation,
    replicas: deployment?.status?.replicas ?? 0,
    readyReplicas: appPods.filter((pod) => isReady(pod) && !isGoing(pod)).length,
    selector: selector.map(([name, value]) => `${name}=${value}`).join(','),
    ...(leader ? { leader } : {}),
    ...(redis ? { redis } : {}),
    conditions: CONDITION_TYPES.map((type) =>
      conditionOf(type, verdicts[type], cluster.metadata.generation, previous(observed, type), nowMs),
    ),
  };
}

function verdictsOf(
  observed: Observed,
  step: Step,
  problems: readonly Problem[],
  nowMs: number,
): Record<ConditionType, Verdict> {
  const { cluster } = observed;
  const app = appAvailable(observed);
  const redis = redisAvailable(observed);
  const sentinels = sentinelQuorum(observed);
  const ready = readyOf(app, redis, sentinels);
  const redundancy = degraded(observed);
  return {
    Ready: ready,
    Progressing: progressing(observed, step, ready.status === 'True' && redundancy.status === 'False'),
    Degraded: redundancy,
    Stalled: stalled(observed, problems),
    AppAvailable: app,
    RedisAvailable: redis,
    SentinelQuorum: sentinels,
    LeaderElected: leaderElected(observed),
    AutoscalingActive: autoscalingActive(observed),
    Paused: paused(cluster),
    ConfigurationWarning: configurationWarning(observed, nowMs),
  };
}

/** Ready: the app and Redis can be used, and Redis would survive the loss of its primary. A failover under way needs a
 *  quorum and has one: whether Redis can be used meanwhile, RedisAvailable says. */
function readyOf(app: Verdict, redis: Verdict, sentinels: Verdict): Verdict {
  if (redis.status === 'False') return verdict('Ready', 'False', 'NoRedisPrimary', redis.message);
  if (app.status === 'False') return verdict('Ready', 'False', 'AppUnavailable', app.message);
  if (sentinels.status === 'False' && !['Disabled', 'FailoverInProgress'].includes(sentinels.reason)) {
    return verdict('Ready', 'False', 'SentinelQuorumLost', sentinels.message);
  }
  const unknown = [app, redis, sentinels].find(({ status }) => status === 'Unknown');
  if (unknown) return verdict('Ready', 'Unknown', 'NotObserved', unknown.message);
  return healthy('Ready', 'The app and Redis are available.');
}

/** Stalled: the operator cannot go on until a person does something. */
function stalled({ redis, secret, certificates, cluster }: Observed, problems: readonly Problem[]): Verdict {
  const all: Problem[] = [...problems];
  const own = cluster.spec.redis.authSecretRef ?? cluster.spec.redis.urlSecretRef;
  if (secret.kind === 'missing' && (own || secret.exists))
    all.push({ reason: 'SecretMissing', message: `The Secret ${secret.problem}.` });
  if (certificates.kind === 'missing')
    all.push({ reason: 'SecretMissing', message: `The Secret ${certificates.problem}.` });
  if (certificates.kind === 'present' && certificates.problem)
    all.push({
      reason: 'InvalidSpec',
      message: `The Secret ${cluster.spec.redis.tls?.secretName} ${certificates.problem}.`,
    });
  const decision = redis && !redis.stale ? redis.judgement.decision : undefined;
  if (decision?.kind === 'conflict') {
    const { name, namespace } = cluster.metadata;
    const command = `kubectl -n ${namespace} annotate --overwrite hyperpagecluster ${name} ${ANNOTATIONS.choosePrimary}=POD@${decision.id}`;
    const text = `Redis needs a decision: ${decision.why}. Nothing is overwritten until you choose whose data are right: ${command} (POD is one of its pods; the others then take over its data).`;
    all.push({ reason: 'DataConflict', message: text });
  }
  const [first] = all;
  if (!first) return healthy('Stalled', 'Nothing stands in the way.');
  return verdict('Stalled', 'True', first.reason, all.map(({ message }) => message).join('; '));
}

function redisStatus({ cluster, redis, redisPods }: Observed): ClusterStatus['redis'] {
  const primary = redis && !redis.stale ? redis.judgement.primary : undefined;
  const readyReplicas = redisPods.filter((pod) => isReady(pod) && !isGoing(pod)).length;
  if (cluster.spec.redis.mode === 'External') return undefined;
  return { readyReplicas, ...(primary ? { primary: primary.pod, endpoint: primary.address } : {}) };
}

const previous = ({ cluster }: Observed, type: ConditionType): Condition | undefined =>
  cluster.status?.conditions?.find((condition) => condition.type === type);

const MAX_MESSAGE = 4096;

function conditionOf(
  type: ConditionType,
  { status, reason, message }: Verdict,
  observedGeneration: number,
  before: Condition | undefined,
  nowMs: number,
): Condition {
  const lastTransitionTime =
    before?.status === status ? before.lastTransitionTime : `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  return {
    type,
    status,
    reason,
    message: message.slice(0, MAX_MESSAGE),
    observedGeneration,
    lastTransitionTime,
  };
}
