import { Type } from 'typebox';
import { IMAGES } from '../group.ts';
import { PORTS } from '../names.ts';
import { cel, PullPolicy, Resources } from './pieces.ts';

export const SidecarSpec = Type.Object(
  {
    image: Type.String({ description: "The sidecar's image.", default: IMAGES.sidecar, minLength: 1 }),
    imagePullPolicy: Type.Optional(PullPolicy),
    port: Type.Integer({
      description: 'Port of its API on 127.0.0.1, given to the app in HYPERPAGE_URL.',
      default: PORTS.sidecar,
      minimum: 1024,
      maximum: 65535,
    }),
    resources: Resources(
      { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
      'the sidecar',
    ),
    logLevel: Type.Enum(['trace', 'debug', 'info', 'warn', 'error'], {
      description: 'Least severity that is logged.',
      default: 'info',
    }),
  },
  {
    description: 'The container beside the app in each pod.',
    default: {},
    ...cel({
      rule: `self.port != ${PORTS.sidecarPod}`,
      message: `port ${PORTS.sidecarPod} is the sidecar's own for health and metrics; write another one, such as ${PORTS.sidecar}`,
    }),
  },
);

export const SessionsSpec = Type.Object(
  {
    ttlSeconds: Type.Integer({
      description: 'Life of a session after its last use, in seconds (SESSION_DEFAULT_TTL_SECONDS).',
      default: 86400,
      minimum: 1,
      maximum: 31536000,
    }),
    cleanupIntervalMinutes: Type.Integer({
      description:
        'Time between clean-ups of the session index, in minutes (SESSION_CLEANUP_INTERVAL_MINUTES).',
      default: 60,
      minimum: 1,
      maximum: 1440,
    }),
    fallbackToMemory: Type.Boolean({
      description:
        'Go on in memory while Redis is gone; false answers 503 instead (SESSION_FALLBACK_TO_MEMORY).',
      default: true,
    }),
    acknowledge: Type.Enum(['Primary', 'Replica'], {
      description:
        'When a write is acknowledged: once the primary has it, or once a replica has it as well. Only mode Sentinel has replicas.',
      default: 'Replica',
    }),
    secureCookie: Type.Boolean({
      description: 'Mark the session cookie Secure: browsers send it over HTTPS (and to localhost) only.',
      default: true,
    }),
    nearCacheMs: Type.Integer({
      description:
        "Longest time in milliseconds for which a read is answered from the pod's own copy, of which Redis tells changes; 0: every read goes to Redis (HYPERPAGE_SESSION_NEAR_CACHE_MS).",
      default: 1000,
      minimum: 0,
      maximum: 60000,
    }),
    bindIp: Type.Boolean({
      description:
        "Keep a session to the IP address that it was made for; another one answers 403 (SESSION_BIND_IP). Wants the SDK's trustedProxies to be right, and costs users whose address changes their session.",
      default: false,
    }),
  },
  { description: 'Sessions.', default: {} },
);

export const CoordinationSpec = Type.Object(
  {
    enabled: Type.Boolean({
      description: 'Messages between pods (POD_COORDINATION_ENABLED).',
      default: true,
    }),
    channelPrefix: Type.String({
      description: 'Prefix of the Redis channels (POD_CHANNEL_PREFIX).',
      default: 'hyperpage:coord',
      pattern: '^[A-Za-z0-9:_.-]{1,64}$',
    }),
    highPriorityThreshold: Type.Integer({
      description: 'High-priority messages a pod may send a minute (COORD_HIGH_PRIORITY_THRESHOLD).',
      default: 100,
      minimum: 1,
    }),
    normalPriorityThreshold: Type.Integer({
      description: 'Normal-priority messages a pod may send a minute (COORD_NORMAL_PRIORITY_THRESHOLD).',
      default: 500,
      minimum: 1,
    }),
    callbackPath: Type.Optional(
      Type.String({
        description:
          'Path in the app that receives messages by POST, such as /hyperpage/messages. Absent: SSE only.',
        pattern: '^/',
      }),
    ),
  },
  { description: 'Messages.', default: {} },
);

export const LeaderElectionSpec = Type.Object(
  {
    enabled: Type.Boolean({ description: 'Elect a leader among the pods.', default: true }),
    timeoutMs: Type.Integer({
      description: 'Length of the leader Lease, in milliseconds, whole seconds (LEADER_ELECTION_TIMEOUT).',
      default: 30000,
      minimum: 3000,
      maximum: 3600000,
      multipleOf: 1000,
    }),
    heartbeatIntervalMs: Type.Integer({
      description: 'Time between renewals of the Lease, in milliseconds (LEADER_HEARTBEAT_INTERVAL).',
      default: 10000,
      minimum: 500,
    }),
    promiseMs: Type.Integer({
      description:
        'How long pods promise to support nobody but the leader, in milliseconds (LEADER_PROMISE): a crashed leader is replaced a moment after. Longer where pods stand still for long. 0: only when the Lease has run out.',
      default: 600,
      minimum: 0,
      maximum: 60000,
    }),
  },
  {
    description: 'Leader election.',
    default: {},
    ...cel(
      {
        rule: 'self.heartbeatIntervalMs * 2 <= self.timeoutMs',
        message:
          'timeoutMs must be at least twice heartbeatIntervalMs, so that one late renewal deposes nobody: raise timeoutMs or lower heartbeatIntervalMs',
      },
      {
        rule: 'self.promiseMs == 0 || (self.promiseMs >= 200 && self.promiseMs * 2 <= self.timeoutMs)',
        message:
          'promiseMs must be 0 (off), or from 200 to half of timeoutMs: shorter ones lapse while a pod collects its garbage',
      },
    ),
  },
);
