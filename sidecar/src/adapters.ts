import { type SidecarSettings, sessionIdOf } from '@hyperpage/contract';
import type { Clock, Logger, Registry } from '@hyperpage/runtime';
import {
  type Bus,
  boundsOf,
  busMetrics,
  createBus,
  createMemoryLog,
  createRedisLog,
  deliverToCallback,
  type MessageLog,
} from './bus/index.ts';
import {
  createMembership,
  createMemoryRegistry,
  createRedisRegistry,
  type Membership,
} from './membership/index.ts';
import type { SidecarElectionPeers } from './election/index.ts';
import type { MemoryWorld } from './memory-world.ts';
import { createMemoryPeers, openPeers, type PeerHandler, type Peers } from './peers/index.ts';
import {
  createRedisLink,
  createRedisTermFloor,
  type RedisLink,
  redisTarget,
  type TermFloor,
  termFloorKey,
} from './redis/index.ts';
import {
  type Changes,
  createMemoryTarget,
  createRedisTarget,
  createSessionStore,
  fallbackMetrics,
  followRedisClock,
  type RedisClock,
  nearCacheMetrics,
  type SessionStore,
  type SessionTarget,
  withFallback,
  withNearCache,
} from './sessions/index.ts';

/** What every adapter needs from outside. */
export interface AdapterContext {
  /** Name of this pod. */
  podId: string;
  /** One life of this process: letters, digits and hyphens, random. */
  bootId: string;
  settings: SidecarSettings;
  clock: Clock;
  /** Numbers in [0, 1). */
  random: () => number;
  log: Logger;
  registry: Registry;
}

/** The sidecar's ports, each with one adapter behind it. */
export interface Adapters {
  sessions: SessionStore;
  bus: Bus;
  membership: Membership;
  termFloor: TermFloor;
  /** The other sidecars, about leadership; absent where nobody promises. */
  electionPeers?: SidecarElectionPeers | undefined;
  /** Answers other sidecars; absent where there is nothing to answer. */
  peerHandler?: PeerHandler | undefined;
  /** Whether the store behind was reached at least once since the start: see readiness.ts. */
  everConnected(): boolean;
  /** Says goodbye and closes every connection. */
  close(): Promise<void>;
}

/** Adapters of a sidecar that shares `world` with the others in its process. */
export function memoryAdapters(world: MemoryWorld, context: AdapterContext): Adapters {
  const { settings } = context;
  const clock = followRedisClock(context.clock);
  const ttlMs = settings.sessionTtlSeconds * 1000;
  let reached = world.reachable;
  const reach = () => (reached = true);
  world.onReachable.add(reach);
  const peers = createMemoryPeers(world, { podId: context.podId, clock, promiseMs: settings.promiseMs });
  const onReachable = (listener: () => void) => {
    world.onReachable.add(listener);
    return () => world.onReachable.delete(listener);
  };
  const target = createMemoryTarget(world, { clock, ttlMs });
  const { sessions, restore } = openStore(target, { ...context, clock }, onReachable, peers);
  const { bus, close: closeBus } = openBus(createMemoryLog(world, boundsOf(settings.channelPrefix)), context);
  const membership = createMembership(createMemoryRegistry(world, { clock }), membershipOptions(context));
  membership.onForgotten(restore);
  return {
    sessions,
    bus,
    membership,
    electionPeers: peers.election,
    termFloor: {
      read: async () => (world.reachable ? world.termFloor : undefined),
      raise: async (term) => {
        if (!world.reachable) return undefined;
        world.termFloor = Math.max(world.termFloor, term);
        return world.termFloor;
      },
    },
    everConnected: () => reached,
    async close() {
      world.onReachable.delete(reach);
      await membership.goodbye();
      await closeBus();
      await sessions.close();
      peers.close();
    },
  };
}

/** Longest wait for replicas to confirm a session's write, in milliseconds. */
const REPLICA_WAIT_MS = 1000;

/** Adapters on the Redis that the settings name. Connecting begins at once and never ends: Redis may come later.
 *  @throws SettingsError when the settings name no Redis, or two. */
export function redisAdapters(context: AdapterContext): Adapters {
  const { settings, random, log, registry } = context;
  const clock = followRedisClock(context.clock);
  const { channelPrefix, sessionReplicas: replicas } = settings;
  const waitMs = replicas > 0 ? REPLICA_WAIT_MS : 0;
  const changes = settings.sessionNearCacheMs > 0;
  const link = createRedisLink(redisTarget(settings), { clock, random, log, registry, waitMs, changes });
  const ttlMs = settings.sessionTtlSeconds * 1000;
  const floorKey = termFloorKey(channelPrefix);
  const target = near(createRedisTarget(link, { ttlMs, replicas, waitMs, clock, floorKey }), link, context);
  const peers = openPeers({ ...context, clock });
  const onReachable = (listener: () => void) => link.onConnect(listener);
  const { sessions, peerHandler, restore } = openStore(target, { ...context, clock }, onReachable, peers);
  const messageLog = createRedisLog(link, {
    clock,
    boundsOf: boundsOf(channelPrefix),
    floorKey,
  });
  const { bus, close: closeBus } = openBus(messageLog, context);
  const membership = createMembership(createRedisRegistry(link, channelPrefix), membershipOptions(context));
  membership.onForgotten(restore);
  return {
    sessions,
    bus,
    membership,
    peerHandler,
    electionPeers: peers?.election,
    termFloor: createRedisTermFloor(link, channelPrefix),
    everConnected: () => link.everConnected(),
    async close() {
      await membership.goodbye();
      await closeBus();
      await sessions.close();
      peers?.close();
      await link.close();
    },
  };
}

/** `target`, with copies in this pod before it where the settings want them. */
function near(target: SessionTarget, link: RedisLink, { settings, clock, registry }: AdapterContext) {
  const { sessionNearCacheMs: maxAgeMs } = settings;
  if (maxAgeMs === 0) return target;
  let following = () => false;
  const changes: Changes = {
    following: () => following(),
    follow(listener) {
      following = link.track((keys) => listener(keys?.flatMap((key) => sessionIdOf(key) ?? [])));
    },
  };
  return withNearCache(target, { clock, changes, maxAgeMs, metrics: nearCacheMetrics(registry) });
}

/** The store over `target`, with the memory of the pods behind it where the settings say so. */
function openStore(
  target: SessionTarget,
  context: AdapterContext & { clock: RedisClock },
  onReachable: (listener: () => void) => () => void,
  peers?: Peers,
): { sessions: SessionStore; peerHandler: PeerHandler | undefined; restore: () => void } {
  const { settings, clock, random, log, registry } = context;
  const ttlMs = settings.sessionTtlSeconds * 1000;
  const cleanupIntervalMs = settings.sessionCleanupIntervalMinutes * 60_000;
  const open = (over: SessionTarget) => createSessionStore(over, { ...context, cleanupIntervalMs });
  if (!settings.sessionFallbackToMemory) {
    return { sessions: open(target), peerHandler: peers?.handler(undefined), restore: () => {} };
  }
  const metrics = fallbackMetrics(registry);
  const others = peers ? { peers: peers.sessions } : {};
  const whole = withFallback(target, { clock, random, log, ttlMs, onReachable, metrics, ...others });
  return {
    sessions: open(whole),
    peerHandler: peers?.handler(whole.service),
    restore: () => void whole.restore(),
  };
}

/** The bus over `messageLog`, and the app's callback where one is set. */
function openBus(messageLog: MessageLog, context: AdapterContext): { bus: Bus; close: () => Promise<void> } {
  const { settings, clock, random, log } = context;
  const metrics = busMetrics(context.registry);
  const { channelPrefix, highPriorityThreshold, normalPriorityThreshold, callbackUrl: url } = settings;
  const bus = createBus(messageLog, {
    ...context,
    metrics,
    channelPrefix,
    highPriorityThreshold,
    normalPriorityThreshold,
  });
  const stopCallback =
    url !== undefined && settings.coordinationEnabled
      ? deliverToCallback(bus, { url, clock, random, log, metrics })
      : () => {};
  return {
    bus,
    async close() {
      stopCallback();
      await bus.close();
    },
  };
}

const membershipOptions = ({ podId, bootId, clock, log, registry }: AdapterContext) => ({
  podId,
  bootId,
  clock,
  log,
  registry,
});
