import { readFileSync } from 'node:fs';
import type { SidecarSettings } from '@hyperpage/contract';
import { backoffMs, SettingsError } from '@hyperpage/runtime';
import type { RedisOptions } from 'ioredis';

type RedisSettings = Pick<
  SidecarSettings,
  'redisUrl' | 'redisSentinels' | 'redisMasterName' | 'redisPasswordFile'
>;

/** Where Redis is. */
export type RedisTarget =
  | { kind: 'url'; url: string; passwordFile?: string }
  | {
      kind: 'sentinels';
      sentinels: Array<{ host: string; port: number }>;
      masterName: string;
      passwordFile?: string;
    };

/** @throws SettingsError when the settings name no Redis, or two. */
export function redisTarget(settings: RedisSettings): RedisTarget {
  const { redisUrl, redisSentinels, redisMasterName, redisPasswordFile } = settings;
  const password = redisPasswordFile === undefined ? {} : { passwordFile: redisPasswordFile };
  if (redisUrl !== undefined && redisSentinels !== undefined) {
    throw new SettingsError(['REDIS_URL and HYPERPAGE_REDIS_SENTINELS are both set; set one of them']);
  }
  if (redisUrl !== undefined) {
    if (!URL.canParse(redisUrl)) {
      throw new SettingsError(['REDIS_URL is no URL; it wants redis://host:port or rediss://host:port']);
    }
    return { kind: 'url', url: redisUrl, ...password };
  }
  if (redisSentinels === undefined) {
    throw new SettingsError(['no Redis is named; set REDIS_URL, or HYPERPAGE_REDIS_SENTINELS']);
  }
  if (redisMasterName === undefined) {
    throw new SettingsError([
      "HYPERPAGE_REDIS_MASTER_NAME is not set; with HYPERPAGE_REDIS_SENTINELS it wants Sentinel's name of the primary",
    ]);
  }
  const sentinels = redisSentinels.split(',').map((endpoint) => {
    const at = endpoint.lastIndexOf(':');
    return { host: endpoint.slice(0, at), port: Number(endpoint.slice(at + 1)) };
  });
  return { kind: 'sentinels', sentinels, masterName: redisMasterName, ...password };
}

/** The password as it is in the file now: it may be rotated while we run. Undefined when there is none. */
export function readPassword(target: RedisTarget): string | undefined {
  if (target.passwordFile === undefined) return undefined;
  return readFileSync(target.passwordFile, 'utf8').trimEnd() || undefined;
}

/** How long an answer may take before the caller is told that there is none: a session then goes on in memory, and the
 *  page has waited no longer than a slow page does. A Redis that is alive answers in well under a millisecond, in a few
 *  hundred on a machine that is out of CPU. It may be silent for up to two seconds while an fsync of its append-only
 *  file is late; a write then goes to the journal, and is not done twice when the late answer was a yes. */
export const COMMAND_TIMEOUT_MS = 1200;

/** The same for writes that wait up to `waitMs` for replicas: the write itself takes next to nothing of it, so little is
 *  added. When a slow one is cut short, too few replicas had it, and that is what is said. */
export const writeTimeoutMs = (waitMs: number) => Math.max(COMMAND_TIMEOUT_MS, waitMs + 400);

/** How long a heartbeat may take before the connection counts as dead. Longer than a command: to cut every connection
 *  of a Redis that is only slow would make it slower, and cost messages a catch-up. */
export const HEARTBEAT_TIMEOUT_MS = 2500;

/** What ioredis takes, without what would change the shape of replies. */
export type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>;

/** Options of one connection.
 *
 *  `maxRetriesPerRequest: 0` and no resending: a command whose connection broke fails at once. Sent again on a new
 *  connection it might be done twice, and a WAIT would speak of writes that are not that connection's. */
export function connectionOptions(
  target: RedisTarget,
  role: string,
  random: () => number,
  more: ConnectionOptions = {},
): ConnectionOptions {
  const password = readPassword(target);
  const common: ConnectionOptions = {
    lazyConnect: true,
    connectionName: role,
    disableClientInfo: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // One automatic pipeline waits for the one before it: a heartbeat in it would beat late when it matters.
    autoPipeliningIgnoredCommands: ['ping'],
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 2000,
    disconnectTimeout: 250,
    keepAlive: 5000,
    maxLoadingRetryTime: 500,
    retryStrategy: (times) => backoffMs(times - 1, { baseMs: 50, maxMs: 1000 }, random),
    // A primary that was demoted says so at the next write: ask who is primary now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    ...(password === undefined ? {} : { password }),
    ...more,
  };
  if (target.kind === 'url') return common;
  return {
    ...common,
    sentinels: target.sentinels,
    name: target.masterName,
    role: 'master',
    // What sentinels say of each other may be addresses of pods long gone: our connector asks those last.
    updateSentinels: false,
    sentinelCommandTimeout: 2000,
    ...(password === undefined ? {} : { sentinelPassword: password }),
  };
}
