import { type Clock, Gauge, type Logger, type Registry } from '@hyperpage/runtime';
import type { Redis } from 'ioredis';
import { openAccess } from './access.ts';
import { Connection } from './connection.ts';
import { type FunctionName, functionName, LIBRARY_NAME, LIBRARY_SOURCE } from './functions.ts';
import { type NameLookup, rememberingLookup, systemLookup } from './name-lookup.ts';
import { type RedisTarget, writeTimeoutMs } from './options.ts';
import { gatherWrites } from './gather-writes.ts';
import { primaryConnector } from './primary-connector.ts';
import { watchSentinels } from './sentinels.ts';

export interface FunctionCall {
  name: FunctionName;
  keys: readonly string[];
  args: ReadonlyArray<string | number>;
}

export interface GroupResult {
  /** What came of each call, in order. */
  results: Array<{ value: unknown } | { error: Error }>;
  /** Replicas that confirmed all of them in time; 0 where it is not certain that the primary is the primary. */
  acks: number;
}

/** This sidecar's connections to Redis: one for commands, one for writes that wait for replicas, one that
 *  subscribes. */
export interface RedisLink {
  /** Calls a function of the library. Rejects at once when not connected. */
  call(call: FunctionCall): Promise<unknown>;
  /** Calls functions in order on the connection for writes, then waits for `replicas` to confirm them. */
  group(calls: readonly FunctionCall[], wait: { replicas: number; timeoutMs: number }): Promise<GroupResult>;
  /** Lets keys live on for a while, if they are there. */
  prolong(keys: readonly string[], ms: number): Promise<void>;
  /** Text that comes over `channel`, from the next `onConnect` on. */
  subscribe(channel: string, listener: (text: string) => void): void;
  /** Has Redis tell of changes of every key that a function called here has read since (`CLIENT TRACKING`), once for
   *  each read. `onChange`: these keys; undefined: any of them, since nobody told for a while. Gives whether changes are
   *  heard now: never where the link was not made to. */
  track(onChange: (keys: readonly string[] | undefined) => void): () => boolean;
  /** Calls `listener` at every new connection, once commands are taken and every channel is subscribed, and now when
   *  that is so. Gives the way to stop. */
  onConnect(listener: () => void): () => void;
  /** Whether commands are taken. */
  connected(): boolean;
  everConnected(): boolean;
  close(): Promise<void>;
}

export interface RedisLinkOptions {
  clock: Clock;
  random: () => number;
  log: Logger;
  registry: Registry;
  /** Longest wait for replicas, in milliseconds; 0: nobody waits, and writes need no connection of their own. */
  waitMs: number;
  /** Whether changes can be followed, by `track`: it takes one connection more. */
  changes?: boolean;
  /** How names of sentinels become addresses; DNS by default. */
  lookup?: NameLookup;
}

/** The channel on which Redis tells of changes to a connection of RESP2 that others redirect theirs to. */
const INVALIDATIONS = '__redis__:invalidate';
const MISSING_FUNCTION = /Function not found/i;

/** @throws SettingsError when a file that `target` names cannot be read. */
export function createRedisLink(target: RedisTarget, options: RedisLinkOptions): RedisLink {
  const { clock, random, log, waitMs } = options;
  const access = openAccess(target, { clock, log });
  const channels = new Map<string, Array<(text: string) => void>>();
  const connectListeners = new Set<() => void>();
  const state = { ever: false, closed: false, told: undefined as 'connected' | 'lost' | undefined };
  const gauge = new Gauge({
    name: 'hyperpage_redis_connected',
    help: '1 while this sidecar has its connections to Redis.',
    registers: [options.registry],
  });
  gauge.set(0);

  const tracking = {
    onChange: undefined as ((keys: readonly string[] | undefined) => void) | undefined,
    /** Of the connection that is told. */
    clientId: 0,
    on: false,
  };
  const loseTrack = () => {
    tracking.on = false;
    tracking.onChange?.(undefined);
  };
  /** Either connection may be a new one: the one that asks names the one that is told. */
  const startTracking = async () => {
    const { clientId } = tracking;
    const { stream } = commands.client;
    if (!changes?.ready || !commands.ready) return;
    try {
      await commands.client.client('TRACKING', 'OFF');
      await commands.client.client('TRACKING', 'ON', 'REDIRECT', clientId);
      const isSame = stream === commands.client.stream && clientId === tracking.clientId;
      tracking.on = isSame && changes.ready && commands.ready;
    } catch (error) {
      // A Redis of the user's own may not allow it: sessions are then read from Redis each time.
      log.debug({ reason: (error as Error).message }, 'Redis does not tell of changes');
    }
  };

  const lost = (reason: string) => {
    gauge.set(0);
    loseTrack();
    if (state.told === 'lost' || state.closed) return;
    state.told = 'lost';
    log.warn({ reason }, 'Redis not connected');
  };
  /** Tells everybody when the last of the connections is made. */
  const settle = () => {
    if (state.closed || !connections.every((connection) => connection.ready)) return;
    state.ever = true;
    state.told = 'connected';
    gauge.set(1);
    if (!tracking.on) void startTracking();
    log.info({ state: 'connected', mode: target.kind }, 'Session Manager Redis connection');
    for (const listener of connectListeners) listener();
  };
  const sentinels =
    target.kind === 'sentinels'
      ? watchSentinels(
          target,
          { access, clock, random, lookup: rememberingLookup(options.lookup ?? systemLookup, clock) },
          (primary) => {
            log.info({ primary }, 'another Redis is primary now');
            for (const connection of connections) connection.leaveFor(primary);
            changes?.leaveFor(primary);
          },
        )
      : undefined;
  const connector = sentinels && { Connector: primaryConnector(sentinels, { access, clock, random }) };
  const open = (role: string, onReady: (client: Redis) => Promise<void>, more = {}) =>
    new Connection(
      target,
      `hyperpage-${role}`,
      { onReady, onSettled: settle, onLost: lost },
      { access, clock, random, more: { ...connector, ...more } },
    );

  const commands = open('commands', loadLibrary);
  const gathered = gatherWrites(() => commands.client.stream);
  const writes =
    waitMs > 0 ? open('writes', loadLibrary, { commandTimeout: writeTimeoutMs(waitMs) }) : commands;
  const subscriber = open('subscriber', async (client) => {
    if (channels.size > 0) await client.subscribe(...channels.keys());
  });
  // Nothing is lost with it but copies: whether Redis is connected does not depend on it.
  const changes = options.changes
    ? new Connection(
        target,
        'hyperpage-changes',
        {
          // First: over RESP2 a subscriber can ask nothing more, and over RESP3 ioredis hears no invalidations.
          async onReady(client) {
            tracking.clientId = await client.client('ID');
            await client.subscribe(INVALIDATIONS);
          },
          onSettled: () => void startTracking(),
          onLost: loseTrack,
        },
        { access, clock, random, more: { ...connector, protocol: 2 } },
      )
    : undefined;
  changes?.client.on('message', (_channel, keys) => {
    tracking.onChange?.(keys === '' ? undefined : keys.split(','));
  });
  const connections = [...new Set([commands, writes, subscriber])];
  subscriber.client.on('message', (channel, text) => {
    for (const listener of channels.get(channel) ?? []) listener(text);
  });

  const invoke = ({ name, keys, args }: FunctionCall) => {
    gathered();
    return commands.client.fcall(functionName(name), keys.length, ...keys, ...args);
  };
  /** What replicas have counts only under a primary that is not being replaced (vouchers.ts). */
  const vouchedFor = async (group: GroupResult, replicas: number): Promise<GroupResult> => {
    if (!sentinels || replicas === 0 || group.acks < replicas) return group;
    return (await sentinels.vouchFor(writes.peer)) ? group : { ...group, acks: 0 };
  };
  for (const connection of connections) connection.connect();
  changes?.connect();

  return {
    async call(call) {
      try {
        return await invoke(call);
      } catch (error) {
        if (!isMissingFunction(error)) throw error;
        await loadLibrary(commands.client);
        return invoke(call);
      }
    },
    async group(calls, wait) {
      const first = await runGroup(writes.client, calls, wait);
      if (!first.results.some((result) => 'error' in result && isMissingFunction(result.error)))
        return vouchedFor(first, wait.replicas);
      await loadLibrary(writes.client);
      return vouchedFor(await runGroup(writes.client, calls, wait), wait.replicas);
    },
    async prolong(keys, ms) {
      await Promise.all(keys.map((key) => commands.client.pexpire(key, ms)));
    },
    subscribe(channel, listener) {
      const listeners = channels.get(channel);
      if (listeners) listeners.push(listener);
      else channels.set(channel, [listener]);
      if (subscriber.client.status !== 'ready') return;
      // Also when others subscribed it already: this listener wants its `onConnect`.
      subscriber.client.subscribe(channel).then(settle, () => subscriber.reconnect());
    },
    track(onChange) {
      tracking.onChange = onChange;
      return () => tracking.on;
    },
    onConnect(listener) {
      connectListeners.add(listener);
      if (connections.every((connection) => connection.ready)) listener();
      return () => connectListeners.delete(listener);
    },
    connected: () => commands.ready && writes.ready,
    everConnected: () => state.ever,
    async close() {
      state.closed = true;
      access.credentials.close();
      sentinels?.close();
      gauge.set(0);
      for (const connection of connections) connection.close();
      changes?.close();
    },
  };
}

const isMissingFunction = (error: unknown) => error instanceof Error && MISSING_FUNCTION.test(error.message);

/** Loads our library where it is missing. Its name holds a fingerprint of its text, so one that is there is right. */
async function loadLibrary(client: Redis): Promise<void> {
  // Looked for first: loading is a write, and Redis may be taking none just now.
  const found = await client.function('LIST', 'LIBRARYNAME', LIBRARY_NAME);
  if (Array.isArray(found) && found.length > 0) return;
  try {
    await client.function('LOAD', LIBRARY_SOURCE);
  } catch (error) {
    if (!(error instanceof Error && /already exists/i.test(error.message))) throw error;
  }
}

/** One pipeline: the calls, then WAIT, which counts replicas for what this connection wrote before it. */
async function runGroup(
  client: Redis,
  calls: readonly FunctionCall[],
  { replicas, timeoutMs }: { replicas: number; timeoutMs: number },
): Promise<GroupResult> {
  const pipeline = client.pipeline();
  for (const { name, keys, args } of calls) {
    pipeline.fcall(functionName(name), keys.length, ...keys, ...args);
  }
  pipeline.wait(replicas, timeoutMs);
  const replies = (await pipeline.exec()) ?? [];
  const results = calls.map((_, index) => {
    const [error, value] = replies[index] ?? [new Error('no reply')];
    return error ? { error } : { value };
  });
  const [waitError, acks] = replies[calls.length] ?? [new Error('no reply')];
  return { results, acks: waitError ? 0 : Number(acks) };
}
