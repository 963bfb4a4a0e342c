import { type HyperpageCluster, namesOf } from '@hyperpage/contract';
import { type Clock, isStatus, type Logger } from '@hyperpage/runtime';
import { credentialsData, sentinelNameOf } from './desired/index.ts';
import type { EventRecorder, ObjectClient, Stored } from './kube/index.ts';
import { type Observed, objectId } from './observe.ts';
import { isOurs } from './plan.ts';
import {
  buildTopology,
  type Credentials,
  type RedisObservations,
  type RedisOrders,
  type SettingMemory,
  type SettingNames,
  type Step,
  switchOver,
  type TimedRedisObservation,
} from './redis/index.ts';
import { rotationFor, siteOf, stepFor } from './upkeep.ts';

export interface RedisTending {
  redis: RedisObservations;
  orders: RedisOrders;
  settings: SettingMemory;
  client: ObjectClient;
  events: EventRecorder;
  clock: Clock;
  log: Logger;
  /** Told of every step, for the metrics. */
  onStep(kind: string): void;
}

/** Has Redis looked at, from now on. */
export function followRedis(observed: Observed, { redis }: Pick<RedisTending, 'redis'>): void {
  const { cluster, statefulSet } = observed;
  const external = cluster.spec.redis.mode === 'External';
  if (external || (statefulSet && isOurs(statefulSet, cluster))) redis.follow(siteOf(observed));
}

/** Takes the next step about Redis, where there is one. Gives whether it did something.
 *  @throws Error when a step failed: the next visit finds what is left to do. */
export async function tendRedis(observed: Observed, tending: RedisTending): Promise<boolean> {
  const { cluster, statefulSet } = observed;
  if (cluster.spec.redis.mode === 'External' || cluster.spec.paused) return false;
  if (!statefulSet || !isOurs(statefulSet, cluster)) return false;
  if (await rotate(observed, tending)) return true;
  const names = tending.settings.of(cluster.metadata.uid);
  const site = siteOf(observed);
  if (!site.credentials || !isAction(stepFor(observed, names))) return false;
  // What was seen is seconds old: look again before writing.
  const fresh = { ...observed, redis: await tending.redis.look(site) };
  const step = stepFor(fresh, names);
  if (!isAction(step)) return false;
  const { kind, ...facts } = step;
  tending.log.info({ key: keyOf(cluster), step: kind, ...facts }, 'tending redis');
  tending.onStep(kind);
  await carryOut(step, fresh, site.credentials, tending);
  await tending.redis.look(site);
  return true;
}

/** Shrinking is a write to the StatefulSet: the plan does it. */
type Action = Exclude<Step, { kind: 'rest' | 'wait' | 'shrink' }>;
const isAction = (step: Step): step is Action => !['rest', 'wait', 'shrink'].includes(step.kind);

type Tended = Observed & { redis: TimedRedisObservation };

async function carryOut(
  step: Action,
  observed: Tended,
  credentials: Credentials,
  tending: RedisTending,
): Promise<void> {
  const { cluster, redis } = observed;
  const { observation, judgement } = redis;
  const { orders, clock } = tending;
  const order = (pod: string, ...commands: string[][]) => orders(nodeOf(redis, pod), credentials, commands);
  switch (step.kind) {
    case 'build':
      return buildTopology(cluster, observation, step, credentials, orders);
    case 'nominate':
      return void (await order(step.pod, ['CONFIG', 'SET', 'replica-priority', '100']));
    case 'prefer':
      return void (await order(step.pod, ['CONFIG', 'SET', 'replica-priority', String(step.priority)]));
    case 'tune':
      return tune(step, redis, credentials, orders, tending.settings.of(cluster.metadata.uid));
    case 'setQuorum': {
      const words = ['SENTINEL', 'SET', sentinelNameOf(cluster), 'quorum', String(step.quorum)];
      return void (await orders(sentinelOf(redis, step.pod), credentials, [words]));
    }
    case 'forget': {
      const words = ['SENTINEL', 'RESET', sentinelNameOf(cluster)];
      return void (await orders(sentinelOf(redis, step.pod), credentials, [words]));
    }
    case 'switchOver': {
      const replicas = observation.nodes.filter(({ pod }) => pod !== step.from).map(({ address }) => address);
      const next = await switchOver({ cluster, judgement, replicas, credentials, orders, clock });
      return note(
        observed,
        tending,
        'RedisSwitchedOver',
        `${step.from} handed over to ${podAt(redis, next)}.`,
      );
    }
    case 'restart':
      return restart(step, observed, tending);
  }
}

async function tune(
  { pod, settings }: Extract<Step, { kind: 'tune' }>,
  redis: TimedRedisObservation,
  credentials: Credentials,
  orders: RedisOrders,
  names: SettingNames,
): Promise<void> {
  const address = nodeOf(redis, pod);
  for (const [name, value] of Object.entries(settings)) {
    const commands = [
      ['CONFIG', 'SET', name, value],
      ['CONFIG', 'GET', name],
      // A Redis that crashed reads there how safe its file is (scripts/redis.sh).
      ['CONFIG', 'REWRITE'],
    ];
    try {
      const [, answer] = await orders(address, credentials, commands);
      if (Array.isArray(answer)) names.took(name, value, String(answer[1]));
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      if (!said.startsWith('ERR')) throw error;
      names.refused(name, value, `Redis refuses ${name} ${value} (${said}): correct it in spec.redis`);
    }
  }
}

/** Deletes the pod: the StatefulSet makes it anew from the template that it has now. */
async function restart(
  { pod, uid, task }: Extract<Step, { kind: 'restart' }>,
  observed: Tended,
  tending: RedisTending,
): Promise<void> {
  const { namespace } = observed.cluster.metadata;
  try {
    await tending.client.delete('Pod', { namespace, name: pod }, { uid });
  } catch (error) {
    if (isStatus(error, 409)) return; // Somebody replaced it meanwhile.
    throw error;
  }
  note(
    observed,
    tending,
    'RedisPodRestarted',
    `${pod} is restarted (${task}): it was made from another template.`,
  );
}

/** Changes the Secret that the pods mount, when the rotation has come so far. */
async function rotate(observed: Observed, { client, log }: RedisTending): Promise<boolean> {
  const rotation = rotationFor(observed);
  if (rotation.kind !== 'write') return false;
  const { cluster, objects } = observed;
  const name = namesOf(cluster.metadata.name).redisCredentialsSecret;
  const stored = objects.get(objectId('Secret', name));
  if (!stored || !isOurs(stored, cluster)) return false;
  const { generation, accepted } = rotation.credentials;
  log.info({ key: keyOf(cluster), generation, accepted: accepted.length }, 'rotating the password of redis');
  await client.patch('Secret', stored.metadata, {
    metadata: { resourceVersion: stored.metadata.resourceVersion },
    data: credentialsData(rotation.credentials),
  });
  return true;
}

const keyOf = ({ metadata }: HyperpageCluster) => `${metadata.namespace}/${metadata.name}`;

const addressIn = (views: ReadonlyArray<{ pod: string; address: string }>, pod: string): string => {
  const found = views.find((view) => view.pod === pod);
  if (!found) throw new Error(`the Redis pod ${pod} is gone`);
  return found.address;
};
const nodeOf = ({ observation }: TimedRedisObservation, pod: string) => addressIn(observation.nodes, pod);
const sentinelOf = ({ observation }: TimedRedisObservation, pod: string) =>
  addressIn(observation.sentinels, pod);
const podAt = ({ observation }: TimedRedisObservation, address: string) =>
  observation.nodes.find((node) => node.address === address)?.pod ?? address;

const note = ({ cluster }: Observed, { events }: RedisTending, reason: string, text: string): void =>
  events.record(cluster as unknown as Stored<'HyperpageCluster'>, {
    type: 'Normal',
    reason,
    action: 'TendRedis',
    note: text,
  });
