import type { Observed } from '../observe.ts';
import type { NodeView, TimedRedisObservation } from '../redis/index.ts';
import { few, healthy, notObserved, type Verdict, verdict } from './verdict.ts';

/** RedisAvailable: there is one primary and it takes writes. */
export function redisAvailable({ cluster, redis, secret, credentials, certificates }: Observed): Verdict {
  const unknown = unseen(redis);
  if (secret.kind === 'missing' && !credentials) {
    return verdict('RedisAvailable', 'Unknown', 'Unreachable', `The Secret ${secret.problem}.`);
  }
  if (certificates.kind === 'missing') {
    return verdict('RedisAvailable', 'Unknown', 'Unreachable', `The Secret ${certificates.problem}.`);
  }
  if (unknown || !redis) return unknown ?? notObserved('Redis has not been looked at yet.');
  const { judgement, observation } = redis;
  const { primaries, elected } = judgement;
  // A primary that was cut off from the others refuses writes until it follows again: it divides nothing.
  const writable = primaries.filter(({ refuses }) => refuses === undefined);
  const primary = judgement.primary ?? writable[0] ?? primaries[0];
  if (writable.length > 1) {
    const pods = few(writable.map(({ pod }) => pod));
    const who = elected ? `The Sentinels name ${elected}.` : 'The Sentinels name none of them.';
    return verdict(
      'RedisAvailable',
      'False',
      'MultiplePrimaries',
      `${pods} each take writes as the primary. ${who}`,
    );
  }
  if (primary?.refuses) {
    return verdict(
      'RedisAvailable',
      'False',
      'WritesRefused',
      `The primary ${primary.pod} refuses writes: ${primary.refuses}.`,
    );
  }
  if (primary) return healthy('RedisAvailable', `The primary ${primary.pod} takes writes.`);
  const reachable = observation.nodes.filter((node) => node.reachable);
  if (cluster.spec.redis.mode === 'External' || (reachable.length === 0 && observation.nodes.length > 0)) {
    const problem = firstProblem(observation.nodes);
    const what = problem
      ? `No Redis answers (${problem}).`
      : 'The Redis at the URL is a replica: name its primary.';
    return problem
      ? verdict('RedisAvailable', 'Unknown', 'Unreachable', what)
      : verdict('RedisAvailable', 'False', 'NoPrimary', what);
  }
  return verdict('RedisAvailable', 'False', 'NoPrimary', noPrimary(redis));
}

const noPrimary = ({ judgement: { decision }, observation }: TimedRedisObservation): string => {
  if (decision.kind === 'wait') return `Redis has no primary yet: ${decision.why}.`;
  if (decision.kind === 'build')
    return `Redis has no primary yet: ${decision.primary} is being made the primary.`;
  if (decision.kind === 'conflict') return `Redis has no primary: ${decision.why}.`;
  const silent = observation.nodes.filter(({ reachable }) => !reachable).map(({ pod }) => pod);
  const who = silent.length > 0 ? ` No answer from ${few(silent)}.` : '';
  return `Redis has no primary; Sentinel elects one.${who}`;
};

const firstProblem = (nodes: readonly NodeView[]): string | undefined =>
  nodes.map((node) => (node.reachable ? undefined : node.problem)).find((problem) => problem !== undefined);

/** SentinelQuorum: enough Sentinels answer to elect a primary, and a majority of them names the same one. */
export function sentinelQuorum({ cluster, redis }: Observed): Verdict {
  const { mode } = cluster.spec.redis;
  if (mode !== 'Sentinel') {
    return verdict('SentinelQuorum', 'False', 'Disabled', `Mode ${mode} has no Sentinels of ours.`);
  }
  const unknown = unseen(redis);
  if (unknown || !redis) return unknown ?? notObserved('The Sentinels have not been looked at yet.');
  const { watching, quorum, elected } = redis.judgement;
  const { expected } = redis.observation;
  const able = watching.filter(({ knows }) => knows + 1 >= quorum);
  if (able.length < quorum) {
    const text = `${able.length} of ${expected} Sentinels watch the primary and know each other, ${quorum} are needed to elect another one.`;
    return verdict('SentinelQuorum', 'False', 'TooFewSentinels', text);
  }
  if (watching.some(({ failingOver }) => failingOver)) {
    return verdict(
      'SentinelQuorum',
      'False',
      'FailoverInProgress',
      'The Sentinels are electing another primary.',
    );
  }
  if (!elected) {
    const names = [...new Set(watching.map(({ primary }) => primary ?? ''))].sort();
    return verdict(
      'SentinelQuorum',
      'False',
      'Disagreement',
      `The Sentinels name different primaries: ${few(names)}.`,
    );
  }
  return healthy(
    'SentinelQuorum',
    `${watching.length} of ${expected} Sentinels watch, and they agree on ${elected}.`,
  );
}

/** Set when nothing that was seen says anything about now. */
const unseen = (redis: TimedRedisObservation | undefined): Verdict | undefined => {
  if (!redis) return notObserved('Redis has not been looked at yet.');
  if (redis.stale) return notObserved('Redis was last looked at too long ago to tell.');
  return undefined;
};
