import { API_VERSION, type HyperpageCluster, KIND } from '@hyperpage/contract';
import { isStatus, type Logger } from '@hyperpage/runtime';
import { type Applied, apply } from './apply.ts';
import { canonical } from './desired/index.ts';
import type { EventRecorder, ObjectClient, Stored } from './kube/index.ts';
import { parseKey } from './kube/index.ts';
import { type Observed, objectId, observe, type Sources } from './observe.ts';
import { type Problem, planOf } from './plan.ts';
import type { Outcome } from './queue/index.ts';
import type { Settled } from './settled.ts';
import { statusOf } from './status/index.ts';
import { followRedis, type RedisTending, tendRedis } from './tend-redis.ts';
import { transitions } from './transitions.ts';
import { appStaysStandalone, redisReplicasAfter, stepFor, wantedSettings } from './upkeep.ts';
import type { WrittenStatuses } from './written-statuses.ts';

export interface ReconcilerOptions extends Sources, RedisTending {
  client: ObjectClient;
  events: EventRecorder;
  newSecret: () => string;
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

/** Time until the visit after a step about Redis. Not at once: should Redis answer every order and still look as
 *  before, visits must not follow each other without a breath. */
const AFTER_STEP_MS = 500;

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
      const applied = await carryOut(observed, options, signal);
      followRedis(observed, options);
      // Before the step: it may take seconds, and everybody should know what is being done.
      await report(await lookedAt(observed, options), applied, options);
      const stepped = await tendRedis(observed, options);
      return { kind: 'requeue', afterMs: stepped ? AFTER_STEP_MS : revisitMs(observed) };
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
  const { client, settled, newSecret, operatorNamespace, wallMs } = options;
  const names = options.settings.of(cluster.metadata.uid);
  const plan = planOf(observed, {
    operatorNamespace,
    nowMs: wallMs(),
    newSecret,
    isSettled: settled.isSettled,
    redisReplicas: redisReplicasAfter(observed, stepFor(observed, names)),
    appStaysStandalone: appStaysStandalone(observed),
  });
  if (cluster.spec.paused) return { writes: 0, problems: plan.problems };
  const applied = await apply(cluster, plan.actions, client, settled, signal);
  if (applied.writes > 0) {
    options.onWrites(applied.writes);
    const kinds = plan.actions.map(({ kind }) => kind);
    options.log.info({ key: keyOf(cluster), writes: applied.writes, kinds }, 'applied');
  }
  return { ...applied, problems: [...plan.problems, ...applied.problems] };
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

/** Writes the status when it says something else than what is stored, and Events for what flipped. */
async function report(
  observed: Observed,
  { problems, writes }: Applied,
  { client, events, onStatus, settings, statuses, wallMs }: ReconcilerOptions,
): Promise<void> {
  const { cluster } = observed;
  const names = settings.of(cluster.metadata.uid);
  const refusal = names.refusalOf(wantedSettings(observed));
  const all: Problem[] = refusal ? [...problems, { reason: 'InvalidSpec', message: refusal }] : [...problems];
  const before = cluster.status?.observedGeneration;
  // What was just written has not been seen yet: what was seen speaks of the generation before.
  const seen = writes > 0 && before !== undefined ? withGeneration(observed, before) : observed;
  const status = statusOf(seen, stepFor(observed, names), all, wallMs());
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

const withGeneration = (observed: Observed, generation: number): Observed => {
  const { cluster } = observed;
  return { ...observed, cluster: { ...cluster, metadata: { ...cluster.metadata, generation } } };
};

const keyOf = ({ metadata }: HyperpageCluster) => `${metadata.namespace}/${metadata.name}`;

const revisitMs = ({ objects, lease, leaseSilentMs }: Observed): number => {
  const durationMs = (lease?.spec?.leaseDurationSeconds ?? 0) * 1000;
  const held = lease && objects.has(objectId('Lease', lease.metadata.name)) && durationMs > leaseSilentMs;
  return held ? Math.min(REVISIT_MS, durationMs - leaseSilentMs + 1) : REVISIT_MS;
};
