/** Environment settings as data: a declaration names the variable, what it wants and its default. `readSettings` in
 *  `@hyperpage/runtime` reads them; the operator sets them from the CR; docs are written from them. */

export interface Setting<T> {
  /** Environment variable. */
  readonly env: string;
  /** What it wants, in words: completes the sentence "it wants …". */
  readonly wants: string;
  readonly doc: string;
  /** Absent: the setting is required. */
  readonly default?: T;
  /** The value, or undefined when the text does not fit. */
  readonly parse: (text: string) => T | undefined;
}

export type Settings<D extends Record<string, Setting<unknown>>> = {
  readonly [K in keyof D]: D[K] extends Setting<infer T> ? T : never;
};

type Options<T> = { default?: T; doc: string };
const withDefault = <T>(options: Options<T>) => ('default' in options ? { default: options.default } : {});

export const integer = (
  env: string,
  o: Options<number> & { min: number; max: number; unit?: string },
): Setting<number> => ({
  env,
  doc: o.doc,
  wants: `a whole number${o.unit ? ` of ${o.unit}` : ''} from ${o.min} to ${o.max}`,
  ...withDefault(o),
  parse: (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= o.min && value <= o.max ? value : undefined;
  },
});

export const flag = (env: string, o: Options<boolean>): Setting<boolean> => ({
  env,
  doc: o.doc,
  wants: 'true or false',
  ...withDefault(o),
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
});

export const oneOf = <const V extends string>(
  env: string,
  values: readonly V[],
  o: Options<V>,
): Setting<V> => ({
  env,
  doc: o.doc,
  wants: `one of ${values.join(', ')}`,
  ...withDefault(o),
  parse: (text) => values.find((value) => value === text),
});

export const text = (
  env: string,
  o: Options<string> & { wants: string; pattern: RegExp },
): Setting<string> => ({
  env,
  doc: o.doc,
  wants: o.wants,
  ...withDefault(o),
  parse: (value) => (o.pattern.test(value) ? value : undefined),
});

/** A setting that may be absent: undefined then. */
export const optional = <T>(setting: Setting<T>): Setting<T | undefined> => ({
  ...setting,
  default: undefined,
});

const redisUrl = /^rediss?:\/\/[^\s]+$/;
const podName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Everything a sidecar can be told. Names without HYPERPAGE_ are the product spec's, to the letter. */
export const SIDECAR_SETTINGS = {
  port: integer('HYPERPAGE_PORT', {
    default: 7070,
    min: 1,
    max: 65535,
    doc: 'Port of the API for the app, on 127.0.0.1.',
  }),
  podPort: integer('HYPERPAGE_POD_PORT', {
    default: 7071,
    min: 1,
    max: 65535,
    doc: 'Port of health, metrics and peers, on the pod IP.',
  }),
  podName: text('HYPERPAGE_POD_NAME', {
    wants: 'the name of this pod',
    pattern: podName,
    doc: 'Name of this pod, from the downward API.',
  }),
  nodeName: text('HYPERPAGE_NODE_NAME', {
    default: 'unknown',
    wants: 'the name of a node',
    pattern: podName,
    doc: 'Node of this pod, from the downward API.',
  }),
  podIp: text('HYPERPAGE_POD_IP', {
    default: '127.0.0.1',
    wants: 'an IP address',
    pattern: /^[0-9a-fA-F.:]+$/,
    doc: 'IP address of this pod, from the downward API.',
  }),
  namespace: text('HYPERPAGE_NAMESPACE', {
    default: 'default',
    wants: 'a namespace',
    pattern: podName,
    doc: 'Namespace of this pod.',
  }),
  leaseName: text('HYPERPAGE_LEASE_NAME', {
    default: 'hyperpage-leader',
    wants: 'the name of a Lease',
    pattern: podName,
    doc: 'Lease that says who leads.',
  }),
  electionEnabled: flag('HYPERPAGE_ELECTION_ENABLED', {
    default: true,
    doc: 'Take part in leader election.',
  }),
  logLevel: oneOf('HYPERPAGE_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error'], {
    default: 'info',
    doc: 'Least severity that is logged.',
  }),
  callbackUrl: optional(
    text('HYPERPAGE_CALLBACK_URL', {
      wants: 'an http URL on 127.0.0.1',
      pattern: /^http:\/\/127\.0\.0\.1(:\d+)?\/\S*$/,
      doc: 'Where the app receives messages by POST.',
    }),
  ),
  redisUrl: optional(
    text('REDIS_URL', {
      wants: 'redis://host:port or rediss://host:port',
      pattern: redisUrl,
      doc: 'Redis by URL (modes Standalone and External).',
    }),
  ),
  redisSentinels: optional(
    text('HYPERPAGE_REDIS_SENTINELS', {
      wants: 'host:port,host:port …',
      pattern: /^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/,
      doc: 'Sentinels (mode Sentinel).',
    }),
  ),
  redisMasterName: optional(
    text('HYPERPAGE_REDIS_MASTER_NAME', {
      wants: 'a name without spaces',
      pattern: /^\S+$/,
      doc: "Sentinel's name of the primary (mode Sentinel).",
    }),
  ),
  redisPasswordFile: optional(
    text('HYPERPAGE_REDIS_PASSWORD_FILE', {
      wants: 'a path',
      pattern: /^\//,
      doc: "File with Redis's and Sentinel's password, read again while it runs; `generation` beside it counts changes.",
    }),
  ),
  redisCaFile: optional(
    text('HYPERPAGE_REDIS_CA_FILE', {
      wants: 'a path',
      pattern: /^\//,
      doc: 'PEM file with the authorities that Redis and Sentinel are verified against, read again at each connection. With sentinels it turns TLS on; with rediss:// it replaces those that Node.js trusts.',
    }),
  ),
  redisTlsServerName: optional(
    text('HYPERPAGE_REDIS_TLS_SERVER_NAME', {
      wants: 'a DNS name',
      pattern: /^(?![\d.]+$)[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$/,
      doc: "DNS name that the certificates of Redis and Sentinel must hold, wherever connections go; the host's own by default.",
    }),
  ),
  peersHost: optional(
    text('HYPERPAGE_PEERS_HOST', {
      wants: 'a DNS name, or several with commas between',
      pattern: /^[A-Za-z0-9.:-]+(,[A-Za-z0-9.:-]+)*$/,
      doc: 'DNS name whose addresses are the sidecars of this cluster, this one among them; or several names or addresses.',
    }),
  ),
  peerKeyFile: optional(
    text('HYPERPAGE_PEER_KEY_FILE', {
      wants: 'a path',
      pattern: /^\//,
      doc: 'File with the key that sidecars of this cluster prove themselves with: text of 32 bytes or more. It may change while they run.',
    }),
  ),
  sessionTtlSeconds: integer('SESSION_DEFAULT_TTL_SECONDS', {
    default: 86400,
    min: 1,
    max: 31_536_000,
    unit: 'seconds',
    doc: 'Life of a session after its last use.',
  }),
  sessionCleanupIntervalMinutes: integer('SESSION_CLEANUP_INTERVAL_MINUTES', {
    default: 60,
    min: 1,
    max: 1440,
    unit: 'minutes',
    doc: 'Time between clean-ups of the session index.',
  }),
  sessionFallbackToMemory: flag('SESSION_FALLBACK_TO_MEMORY', {
    default: true,
    doc: 'Go on in memory while Redis is gone; false answers 503.',
  }),
  sessionReplicas: integer('HYPERPAGE_SESSION_REPLICAS', {
    default: 0,
    min: 0,
    max: 8,
    doc: 'Replicas that must hold a session write before it is acknowledged.',
  }),
  secureCookie: flag('HYPERPAGE_SECURE_COOKIE', { default: true, doc: 'Mark the session cookie Secure.' }),
  sessionBindIp: flag('SESSION_BIND_IP', {
    default: false,
    doc: 'Keep a session to the IP address that it was made for; another one answers 403.',
  }),
  sessionNearCacheMs: integer('HYPERPAGE_SESSION_NEAR_CACHE_MS', {
    default: 1000,
    min: 0,
    max: 60_000,
    unit: 'milliseconds',
    doc: "Longest time for which a read is answered from this pod's copy, of which Redis tells changes; 0: every read goes to Redis.",
  }),
  coordinationEnabled: flag('POD_COORDINATION_ENABLED', { default: true, doc: 'Messages between pods.' }),
  channelPrefix: text('POD_CHANNEL_PREFIX', {
    default: 'hyperpage:coord',
    wants: 'letters, digits and : _ . - (64 at most)',
    pattern: /^[A-Za-z0-9:_.-]{1,64}$/,
    doc: 'Prefix of the Redis channels.',
  }),
  electionTimeoutMs: integer('LEADER_ELECTION_TIMEOUT', {
    default: 30_000,
    min: 3_000,
    max: 3_600_000,
    unit: 'milliseconds',
    doc: 'Length of the leader Lease.',
  }),
  heartbeatIntervalMs: integer('LEADER_HEARTBEAT_INTERVAL', {
    default: 10_000,
    min: 500,
    max: 1_800_000,
    unit: 'milliseconds',
    doc: 'Time between renewals of the Lease.',
  }),
  promiseMs: integer('LEADER_PROMISE', {
    default: 600,
    min: 0,
    max: 60_000,
    unit: 'milliseconds',
    doc: 'How long sidecars promise to support nobody but the leader; 0: a leader is replaced when its Lease has run out.',
  }),
  highPriorityThreshold: integer('COORD_HIGH_PRIORITY_THRESHOLD', {
    default: 100,
    min: 1,
    max: 1_000_000,
    unit: 'messages a minute',
    doc: 'High-priority messages this pod may send.',
  }),
  normalPriorityThreshold: integer('COORD_NORMAL_PRIORITY_THRESHOLD', {
    default: 500,
    min: 1,
    max: 1_000_000,
    unit: 'messages a minute',
    doc: 'Normal-priority messages this pod may send.',
  }),
} satisfies Record<string, Setting<unknown>>;

export type SidecarSettings = Settings<typeof SIDECAR_SETTINGS>;

/** The variable in which the app finds its sidecar. */
export const APP_URL_ENV = 'HYPERPAGE_URL';
