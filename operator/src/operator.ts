import { randomBytes } from 'node:crypto';
import { type HyperpageCluster, LABELS } from '@hyperpage/contract';
import type { Clock, KubeHttp, Logger, Registry } from '@hyperpage/runtime';
import {
  type Change,
  createEventRecorder,
  createObjectClient,
  createReflector,
  type Kind,
  type Reflector,
} from './kube/index.ts';
import { createLeaseSilence } from './lease-silence.ts';
import { createOperatorMetrics } from './metrics.ts';
import { type Caches, WATCHED_KINDS, type WatchedKind } from './observe.ts';
import { createWorkQueue, type WorkQueue } from './queue/index.ts';
import { createReconciler, type Reconciler } from './reconcile.ts';
import {
  createRedisObserver,
  createSettingMemory,
  type RedisOrders,
  type RedisProbe,
} from './redis/index.ts';
import { createSecretReader } from './secrets.ts';
import { createSettled } from './settled.ts';
import { createWrittenStatuses } from './written-statuses.ts';

export interface OperatorOptions {
  http: KubeHttp;
  probe: RedisProbe;
  orders: RedisOrders;
  clock: Clock;
  /** Gives numbers in [0, 1). */
  random: () => number;
  log: Logger;
  registry: Registry;
  /** Name of this process, for Events. */
  instance: string;
  operatorNamespace: string;
  /** Absent: all namespaces. */
  watchNamespace?: string | undefined;
  workers: number;
  redisIntervalMs: number;
}

/** The operator without its process: watches from the start, and writes between `lead` and `stop`. */
export interface Operator {
  /** Begins to watch, so that the caches are warm when this operator leads. */
  watch(): void;
  hasSynced(): boolean;
  /** Resolves once every cache is filled. */
  synced(signal?: AbortSignal): Promise<void>;
  /** Begins to work. Once, after `synced`. */
  lead(): void;
  /** Ends the work under way and then everything else; nothing is written after it resolves. */
  stop(options?: { graceMs?: number }): Promise<void>;
  /** How long the longest visit under way has taken, in milliseconds. */
  longestVisitMs(): number;
}

type Reflectors = { readonly [K in WatchedKind]: Reflector<K> };

const SECRET_BYTES = 32;

/** Wires the rooms of the operator together. */
export function createOperator(options: OperatorOptions): Operator {
  const { http, clock, random, log } = options;
  let queue: WorkQueue | undefined;
  const metrics = createOperatorMetrics(options.registry, () => queue);
  const client = createObjectClient(http);
  const events = createEventRecorder({ http, clock, log, instance: options.instance });
  const reflectors = createReflectors(options, metrics.reflector);
  const memory = {
    silence: createLeaseSilence(clock),
    newSecret: () => randomBytes(SECRET_BYTES).toString('base64url'),
    settings: createSettingMemory(),
    settled: createSettled(),
    statuses: createWrittenStatuses(),
  };
  const redis = createRedisObserver({
    probe: options.probe,
    clock,
    log,
    intervalMs: options.redisIntervalMs,
    onChange: (key) => queue?.add(key),
  });
  const reconciler: Reconciler = createReconciler({
    ...memory,
    caches: cachesOf(reflectors),
    secrets: createSecretReader(client, clock),
    redis,
    client,
    events,
    orders: options.orders,
    operatorNamespace: options.operatorNamespace,
    clock,
    wallMs: () => clock.wallMs(),
    log,
    onStatus: metrics.status,
    onWrites: metrics.writes,
    onStep: metrics.step,
  });

  const forget = (cluster: HyperpageCluster) => {
    const { namespace, name, uid } = cluster.metadata;
    redis.forget(`${namespace}/${name}`);
    memory.statuses.forget(uid);
    memory.settings.forget(uid);
    metrics.forget(cluster);
  };
  const unsubscribe = WATCHED_KINDS.map((kind) =>
    reflectors[kind].onChange((change: Change) => {
      if (change.object.kind === 'HyperpageCluster' && change.type === 'deleted') {
        forget(change.object as unknown as HyperpageCluster);
      }
      if (change.object.kind === 'Lease') {
        if (change.type === 'deleted') memory.silence.forget(change.object.metadata.uid);
        else if (!memory.silence.saw(change.object) && change.type === 'updated') return;
      }
      const key = keyFor(change);
      if (key) queue?.add(key);
    }),
  );

  return {
    watch: () => {
      for (const kind of WATCHED_KINDS) reflectors[kind].start();
    },
    hasSynced: () => WATCHED_KINDS.every((kind) => reflectors[kind].hasSynced()),
    synced: async (signal) => {
      await Promise.all(WATCHED_KINDS.map((kind) => reflectors[kind].synced(signal)));
    },
    lead: () => {
      metrics.leading(true);
      queue = createWorkQueue({
        work: (key, signal) => reconciler.reconcile(key, signal),
        clock,
        random,
        log,
        workers: options.workers,
        observer: metrics.queue,
      });
      for (const { metadata } of reflectors.HyperpageCluster.cache.list()) {
        queue.add(`${metadata.namespace}/${metadata.name}`);
      }
    },
    stop: async (stopping) => {
      for (const end of unsubscribe) end();
      await queue?.stop(stopping);
      redis.stop();
      await events.stop();
      await Promise.all(WATCHED_KINDS.map((kind) => reflectors[kind].stop()));
      metrics.leading(false);
    },
    longestVisitMs: () => queue?.longestRunningMs() ?? 0,
  };
}

/** Everything but HyperpageClusters is watched by the label that our objects carry: caches hold nothing of others. */
function createReflectors(
  { http, clock, random, log, watchNamespace }: OperatorOptions,
  observer: ReturnType<typeof createOperatorMetrics>['reflector'],
): Reflectors {
  const make = <K extends Kind>(kind: K) =>
    createReflector({
      http,
      kind,
      clock,
      random,
      log,
      observer,
      ...(watchNamespace ? { namespace: watchNamespace } : {}),
      ...(kind === 'HyperpageCluster' ? {} : { labelSelector: LABELS.cluster }),
    });
  return Object.fromEntries(WATCHED_KINDS.map((kind) => [kind, make(kind)])) as unknown as Reflectors;
}

const cachesOf = (reflectors: Reflectors): Caches =>
  Object.fromEntries(WATCHED_KINDS.map((kind) => [kind, reflectors[kind].cache])) as unknown as Caches;

/** The HyperpageCluster that a change concerns, or undefined when it concerns none. */
export function keyFor(change: Change): string | undefined {
  const { kind, metadata } = change.object;
  if (kind === 'HyperpageCluster') {
    return isOwnStatusWrite(change) ? undefined : `${metadata.namespace}/${metadata.name}`;
  }
  const name = metadata.labels?.[LABELS.cluster];
  return name ? `${metadata.namespace}/${name}` : undefined;
}

/** A change of nothing but the status is our own writing come back. */
const isOwnStatusWrite = (change: Change): boolean => {
  if (change.type !== 'updated') return false;
  const gist = ({ metadata }: Change['object']) =>
    JSON.stringify([
      metadata.uid,
      metadata.generation,
      metadata.deletionTimestamp,
      metadata.labels,
      metadata.annotations,
    ]);
  return gist(change.object) === gist(change.previous);
};
