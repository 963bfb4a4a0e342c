import { type HyperpageCluster, API_VERSION, KIND } from '@hyperpage/contract';
import { isStatus, type Logger } from '@hyperpage/runtime';
import { type Applied, apply } from './apply.ts';
import { canonical, redisReplicasOf } from './desired/index.ts';
import type { EventRecorder, ObjectClient, Stored } from './kube/index.ts';
import { parseKey } from './kube/index.ts';
import { objectId, observe, type Observed, type Sources } from './observe.ts';
import type { Passwords } from './passwords.ts';
import { isOurs, planOf, type Problem } from './plan.ts';
import type { Outcome } from './queue/index.ts';
import { buildTopology, type RedisOrders, type RedisSite } from './redis/index.ts';
import type { Settled } from './settled.ts';
import { statusOf } from './status/index.ts';
import { transitions } from './transitions.ts';
import type { WrittenStatuses } from './written-statuses.ts';

export interface ReconcilerOptions extends Sources {
  client: ObjectClient;
  events: EventRecorder;
  orders: RedisOrders;
  passwords: Passwords;
  settled: Settled;
  statuses: WrittenStatuses;
  operatorNamespace: string;
  /** Wall clock, for what people read. */
  wallMs: () => number;
  log: Logger;
  /** Told of writes of owned objects, for the metrics. */
  onWrites(count: number): void;
  /** Told of every status, for the gauges. */
  onStatus(cluster: HyperpageCluster, status: HyperpageCluster['status']): void;
}

export interface Reconciler {
  /** One visit to the HyperpageCluster `namespace/name`. @throws KubeError when another try may help. */
  reconcile(key: string, signal: AbortSignal): Promise<Outcome>;
}

/** Time after which a cluster is visited although nothing has happened: for what only time can tell, such as a Lease
 *  that nobody renews. */
const REVISIT_MS = 10_000;

/** Time until the visit that tells of a topology just built. Not at once: should Redis answer every order and still
 *  look as before, visits must not follow each other without a breath. */
const AFTER_BUILDING_MS = 500;

/** observe → plan (desired against observed) → apply → Redis → status. */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  return {
    reconcile: async (key, signal) => {
      const cluster = latest(options, key);
      if (!cluster || cluster.metadata.deletionTimestamp) {
        options.redis.forget(key);
        return { kind: 'settled' };
      }
      const observed = await observe(cluster, options);
      options.passwords.saw(observed);
      const applied = await carryOut(observed, options, signal);
      const built = await tendRedis(observed, options);
      await report(await lookedAt(observed, options), applied.problems, options);
      return { kind: 'requeue', afterMs: built ? AFTER_BUILDING_MS : revisitMs(observed) };
    },
  };
}

/** The HyperpageCluster with the status that was written last: the cache may not have it yet, and transitions are
 *  judged against what was said. */
function latest({ caches, statuses }: ReconcilerOptions, key: string): HyperpageCluster | undefined {
  const cached = caches.HyperpageCluster.get(parseKey(key)) as HyperpageCluster | undefined;
  return cached && statuses.latest(cached);
}

async function carryOut(
  observed: Observed,
  options: ReconcilerOptions,
  signal: AbortSignal,
): Promise<Applied> {
  const { cluster } = observed;
  const { client, settled, passwords, operatorNamespace, wallMs } = options;
  const password = passwords.forNewSecret(cluster);
  const context = { operatorNamespace, nowMs: wallMs(), password, isSettled: settled.isSettled };
  const plan = planOf(observed, context);
  if (cluster.spec.paused) return { writes: 0, created: [], problems: plan.problems };
  const applied = await apply(cluster, plan.actions, client, settled, signal);
  if (applied.created.some(({ kind }) => kind === 'Secret')) passwords.made(cluster, password.value);
  if (applied.writes > 0) {
    options.onWrites(applied.writes);
    const kinds = plan.actions.map(({ kind }) => kind);
    options.log.info({ key: keyOf(cluster), writes: applied.writes, kinds }, 'applied');
  }
  return { ...applied, problems: [...plan.problems, ...applied.problems] };
}

/** Has Redis looked at, and builds the topology when there is none. Gives whether it did. */
async function tendRedis(observed: Observed, options: ReconcilerOptions): Promise<boolean> {
  const { cluster, statefulSet, secret } = observed;
  const { redis, orders, log } = options;
  const external = cluster.spec.redis.mode === 'External';
  if (!external && !(statefulSet && isOurs(statefulSet, cluster))) return false;
  const site = siteOf(observed);
  redis.follow(site);
  if (cluster.spec.paused || secret.kind === 'missing') return false;
  if (observed.redis?.judgement.decision.kind !== 'build') return false;
  // What was seen is seconds old: look again before writing.
  const { observation, judgement } = await redis.look(site);
  const { decision } = judgement;
  if (decision.kind !== 'build') return false;
  log.info(
    { key: keyOf(cluster), primary: decision.primary, why: decision.why, ghost: decision.ghost },
    'building the redis topology',
  );
  await buildTopology(cluster, observation, decision, { password: secret.value }, orders);
  await redis.look(site);
  return true;
}

/** Time that the first visit after a start waits for the first look at Redis. */
const FIRST_LOOK_MS = 2000;

/** `observed` with a first look at Redis, where an earlier operator has already said how Redis is: to say that nobody
 *  has looked yet would make every condition flap at every start of an operator. */
async function lookedAt(observed: Observed, { redis }: ReconcilerOptions): Promise<Observed> {
  const { cluster } = observed;
  if (observed.redis || !cluster.status?.conditions) return observed;
  return { ...observed, redis: await redis.first(cluster, FIRST_LOOK_MS) };
}

function siteOf({ cluster, redisPods, secret, claims }: Observed): RedisSite {
  const present = redisPods.filter(({ status }) => !['Succeeded', 'Failed'].includes(status?.phase ?? ''));
  // A pod that no node took has never run; without volumes it holds nothing.
  const ran = present.filter(({ spec }) => spec?.nodeName);
  return {
    cluster,
    targets: ran
      .map(({ metadata, status }) => ({ pod: metadata.name, ...(status?.podIP ? { ip: status.podIP } : {}) }))
      .sort((a, b) => a.pod.localeCompare(b.pod, 'en', { numeric: true })),
    missingAreEmpty:
      !cluster.spec.redis.storage && claims.length === 0 && present.length >= redisReplicasOf(cluster),
    secret: secret.kind === 'present' ? secret.value : undefined,
  };
}

/** Writes the status when it says something else than what is stored, and Events for what flipped. */
async function report(
  observed: Observed,
  problems: readonly Problem[],
  { client, events, onStatus, statuses, wallMs }: ReconcilerOptions,
): Promise<void> {
  const { cluster } = observed;
  const status = statusOf(observed, problems, wallMs());
  onStatus(cluster, status);
  if (canonical(status) === canonical(cluster.status)) return;
  const { namespace, name, uid } = cluster.metadata;
  try {
    const metadata = { namespace, name, uid };
    const written = await client.applyStatus({ apiVersion: API_VERSION, kind: KIND, metadata, status });
    statuses.wrote(uid, written.metadata.resourceVersion, status);
  } catch (error) {
    if (isStatus(error, 404)) return; // It was deleted meanwhile.
    throw error;
  }
  for (const event of transitions(cluster.status, status)) {
    events.record(cluster as unknown as Stored<'HyperpageCluster'>, event);
  }
}

const keyOf = ({ metadata }: HyperpageCluster) => `${metadata.namespace}/${metadata.name}`;

const revisitMs = ({ objects, lease, leaseSilentMs }: Observed): number => {
  const durationMs = (lease?.spec?.leaseDurationSeconds ?? 0) * 1000;
  const held = lease && objects.has(objectId('Lease', lease.metadata.name)) && durationMs > leaseSilentMs;
  return held ? Math.min(REVISIT_MS, durationMs - leaseSilentMs + 1) : REVISIT_MS;
};
