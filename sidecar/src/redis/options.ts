import type { SidecarSettings } from '@hyperpage/contract';
import { backoffMs, SettingsError } from '@hyperpage/runtime';
import type { RedisOptions } from 'ioredis';
import { serverNameOf, type TlsTarget } from './tls.ts';

type RedisSettings = Pick<
  SidecarSettings,
  | 'redisUrl'
  | 'redisSentinels'
  | 'redisMasterName'
  | 'redisPasswordFile'
  | 'redisCaFile'
  | 'redisTlsServerName'
>;

/** Where Redis is, and what it takes to be let in. */
export type RedisTarget = {
  passwordFile?: string;
  /** Absent: connections are not encrypted. */
  tls?: TlsTarget;
} & (
  | { kind: 'url'; url: string }
  | {
      kind: 'sentinels';
      /** Some of them, or all: each tells of the others. */
      sentinels: Array<{ host: string; port: number }>;
      masterName: string;
    }
);

/** @throws SettingsError when the settings name no Redis, or two, or contradict each other about TLS. */
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
    return { kind: 'url', url: redisUrl, ...password, ...tlsByUrl(redisUrl, settings) };
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
  return {
    kind: 'sentinels',
    sentinels,
    masterName: redisMasterName,
    ...password,
    ...tlsBySentinels(settings),
  };
}

function tlsByUrl(
  url: string,
  { redisCaFile: caFile, redisTlsServerName }: RedisSettings,
): { tls?: TlsTarget } {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'rediss:') {
    if (caFile === undefined && redisTlsServerName === undefined) return {};
    const env = caFile === undefined ? 'HYPERPAGE_REDIS_TLS_SERVER_NAME' : 'HYPERPAGE_REDIS_CA_FILE';
    throw new SettingsError([
      `${env} is set, and REDIS_URL begins with redis://, which is not encrypted; ` +
        `begin it with rediss://, or unset ${env}`,
    ]);
  }
  // Said also where it follows from the URL: node:tls asks for no name by itself, and services route by it.
  const serverName = redisTlsServerName ?? serverNameOf(hostname);
  return {
    tls: {
      ...(caFile === undefined ? {} : { caFile }),
      ...(serverName === undefined ? {} : { serverName }),
    },
  };
}

function tlsBySentinels({ redisCaFile: caFile, redisTlsServerName: serverName }: RedisSettings): {
  tls?: TlsTarget;
} {
  if (caFile !== undefined) return { tls: { caFile, ...(serverName === undefined ? {} : { serverName }) } };
  if (serverName === undefined) return {};
  throw new SettingsError([
    'HYPERPAGE_REDIS_TLS_SERVER_NAME is set, and HYPERPAGE_REDIS_CA_FILE is not; with HYPERPAGE_REDIS_SENTINELS ' +
      'connections are encrypted when HYPERPAGE_REDIS_CA_FILE names the file of authorities: set it, or unset the name',
  ]);
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

/** Options of one connection, but for those that may change while it lives: see `keepAuthenticated`.
 *
 *  `maxRetriesPerRequest: 0` and no resending: a command whose connection broke fails at once. Sent again on a new
 *  connection it might be done twice, and a WAIT would speak of writes that are not that connection's. */
export function connectionOptions(
  target: RedisTarget,
  random: () => number,
  more: ConnectionOptions = {},
): ConnectionOptions {
  const common: ConnectionOptions = {
    lazyConnect: true,
    disableClientInfo: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 2000,
    disconnectTimeout: 250,
    keepAlive: 5000,
    maxLoadingRetryTime: 500,
    retryStrategy: (times) => backoffMs(times - 1, { baseMs: 50, maxMs: 1000 }, random),
    // A primary that was demoted says so at the next write: ask who is primary now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
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
    enableTLSForSentinelMode: target.tls !== undefined,
  };
}
