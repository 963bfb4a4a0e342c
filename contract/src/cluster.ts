import { type Static, Type } from 'typebox';
import { IMAGES } from './group.ts';
import { PORTS } from './names.ts';
import { APP_URL_ENV } from './settings.ts';

/** The custom resource. These schemas are the source: the TypeScript types are inferred from them and the CRD in
 *  `crds/` is generated from them (`make generate`). Keywords that begin with `x-kubernetes-` pass to the CRD as they
 *  are; CEL messages tell the user what to write instead. */

const cel = (...rules: Array<{ rule: string; message: string; fieldPath?: string }>) => ({
  'x-kubernetes-validations': rules,
});

/** A part of the Kubernetes API that we hand on without owning its schema. */
const passThrough = <T>(description: string) =>
  Type.Unsafe<T>({ type: 'object', description, 'x-kubernetes-preserve-unknown-fields': true });
const passThroughList = <T>(description: string) =>
  Type.Unsafe<T[]>({
    type: 'array',
    description,
    items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  });

const Quantity = (description: string) =>
  Type.Unsafe<string | number>({
    description,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
    pattern:
      '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
  });

const Resources = (defaults: object, what: string) =>
  Type.Object(
    {
      requests: Type.Optional(
        Type.Record(Type.String(), Quantity('A Kubernetes quantity, such as 100m or 512Mi.'), {
          description: 'What is set aside for it: cpu and memory.',
        }),
      ),
      limits: Type.Optional(
        Type.Record(Type.String(), Quantity('A Kubernetes quantity, such as 500m or 1Gi.'), {
          description: 'What it may use at most: cpu and memory.',
        }),
      ),
    },
    { description: `Compute resources of ${what}.`, default: defaults },
  );

const PullPolicy = Type.Enum(['Always', 'IfNotPresent', 'Never'], {
  description:
    "When nodes pull the image. Absent: Kubernetes' own default, Always for the tag latest and IfNotPresent for any other.",
});

/** Variables that every app container gets; the CR cannot set them. */
export const OPERATOR_ENV = [APP_URL_ENV, 'HYPERPAGE_POD_NAME', 'PORT'] as const;

const SecretKeyRef = (description: string, key: string) =>
  Type.Object(
    {
      name: Type.String({ description: 'Name of the Secret, in the same namespace.', minLength: 1 }),
      key: Type.String({ description: 'Key in the Secret.', default: key, minLength: 1 }),
    },
    { description },
  );

export const AppSpec = Type.Object(
  {
    image: Type.String({ description: "The app's container image.", minLength: 1 }),
    imagePullPolicy: Type.Optional(PullPolicy),
    command: Type.Optional(Type.Array(Type.String(), { description: "Replaces the image's entrypoint." })),
    args: Type.Optional(Type.Array(Type.String(), { description: "Replaces the image's arguments." })),
    port: Type.Integer({
      description: 'Port the app listens on.',
      default: 3000,
      minimum: 1,
      maximum: 65535,
    }),
    replicas: Type.Integer({
      description:
        'Number of app pods. Under autoscaling it is only the number to begin with: the HPA owns it from then on.',
      default: 3,
      minimum: 0,
      maximum: 1000,
    }),
    env: Type.Optional(
      Type.Unsafe<Array<{ name: string; value?: string; valueFrom?: object }>>({
        type: 'array',
        description: 'Environment variables of the app container (EnvVar), each name once.',
        maxItems: 500,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: {
          type: 'object',
          required: ['name'],
          properties: {
            name: { type: 'string', minLength: 1, maxLength: 253, description: 'Name of the variable.' },
          },
          'x-kubernetes-preserve-unknown-fields': true,
        },
        ...cel({
          rule: `!self.exists(e, e.name in [${OPERATOR_ENV.map((name) => `'${name}'`).join(', ')}])`,
          message: `${OPERATOR_ENV.join(', ')} are set by the operator: remove them from app.env (app.port sets PORT)`,
        }),
      }),
    ),
    envFrom: Type.Optional(
      passThroughList<object>('Sources of environment variables of the app container (EnvFromSource).'),
    ),
    resources: Resources(
      { requests: { cpu: '100m', memory: '512Mi' }, limits: { cpu: '500m', memory: '1Gi' } },
      'the app container',
    ),
    probes: Type.Object(
      {
        liveness: Type.Optional(
          passThrough<object>('Probe; by default GET /api/health after 30 s, every 30 s.'),
        ),
        readiness: Type.Optional(
          passThrough<object>('Probe; by default GET /api/sessions?check=ready after 5 s, every 10 s.'),
        ),
        startup: Type.Optional(passThrough<object>('Probe; by default none.')),
      },
      { description: "The app container's probes.", default: {} },
    ),
    podTemplate: Type.Optional(
      passThrough<{
        metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
        spec?: object;
      }>(
        'Merged under what the operator sets: everything else of a pod (volumes, affinity, tolerations, priority …).',
      ),
    ),
  },
  {
    description: 'The web app.',
    ...cel({
      rule: `self.port != ${PORTS.sidecarPod}`,
      message: `port ${PORTS.sidecarPod} is the sidecar's; let the app listen on another one, such as 3000`,
    }),
  },
);

export const AutoscalingSpec = Type.Object(
  {
    min: Type.Integer({ description: 'Fewest pods.', default: 3, minimum: 1 }),
    max: Type.Integer({ description: 'Most pods.', minimum: 1, maximum: 1000 }),
    targetCPUUtilizationPercentage: Type.Integer({
      description: 'Average CPU use to aim at, in percent of what the pods request.',
      default: 70,
      minimum: 1,
      maximum: 1000,
    }),
    metrics: Type.Optional(passThroughList<object>('More metrics (autoscaling/v2 MetricSpec), beside CPU.')),
    behavior: Type.Optional(passThrough<object>('autoscaling/v2 HorizontalPodAutoscalerBehavior.')),
  },
  {
    description: 'Makes a HorizontalPodAutoscaler. Absent: no HPA, and app.replicas rules.',
    ...cel({ rule: 'self.min <= self.max', message: 'min must not be above max: lower min or raise max' }),
  },
);

export const RedisSpec = Type.Object(
  {
    mode: Type.Enum(['Standalone', 'Sentinel', 'External'], {
      description:
        'Standalone: one pod, no failover. Sentinel: replicated, Sentinel elects the primary. External: a Redis of your own, by URL.',
      default: 'Sentinel',
    }),
    replicas: Type.Integer({
      description:
        'Redis pods in mode Sentinel (each with a Sentinel beside it). Mode Standalone always runs one.',
      default: 3,
      minimum: 1,
      maximum: 9,
    }),
    image: Type.String({
      description: 'Image with redis-server, redis-cli and sh.',
      default: IMAGES.redis,
      minLength: 1,
    }),
    imagePullPolicy: Type.Optional(PullPolicy),
    storage: Type.Optional(
      Type.Object(
        {
          size: Quantity('Size of each volume. It can grow and never shrink.'),
          storageClassName: Type.Optional(
            Type.String({ description: "Absent: the cluster's default storage class." }),
          ),
        },
        {
          description:
            'Persistent volume of each Redis pod. Absent: the data live as long as the pods (EphemeralSessions warns of it).',
          ...cel(
            {
              rule: 'quantity(string(self.size)).isGreaterThan(quantity("0"))',
              message: 'storage.size must be above zero: write a size such as 1Gi',
            },
            {
              rule: 'quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0',
              message:
                'storage.size can only grow: volumes cannot shrink; write the old size or a larger one',
            },
            {
              rule: 'has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)',
              message:
                'storage.storageClassName is fixed once set: write the old one, or make a new HyperpageCluster',
            },
          ),
        },
      ),
    ),
    resources: Resources(
      { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '512Mi' } },
      'the Redis container',
    ),
    maxMemory: Type.Optional(
      Type.String({
        description: "Redis's maxmemory, such as 256mb. Absent: no limit but the container's.",
        pattern: '^[0-9]+(b|k|kb|m|mb|g|gb)?$',
      }),
    ),
    authSecretRef: Type.Optional(
      SecretKeyRef('Your own Secret with the password. Absent: one is generated.', 'password'),
    ),
    urlSecretRef: Type.Optional(
      SecretKeyRef('Mode External only: Secret with the redis:// or rediss:// URL.', 'url'),
    ),
  },
  {
    description: 'Where sessions and messages live.',
    default: {},
    ...cel(
      {
        rule: 'self.mode == oldSelf.mode',
        message: 'redis.mode is fixed once set: make a new HyperpageCluster, or write the old mode',
      },
      {
        rule: "self.mode != 'Sentinel' || self.replicas >= 3",
        message:
          'mode Sentinel wants at least 3 replicas to outvote a lost one: write replicas: 3, or mode: Standalone',
      },
      {
        rule: 'self.replicas >= oldSelf.replicas',
        message: 'redis.replicas can only grow in this version: write the old number or a larger one',
      },
      {
        rule: "self.mode != 'External' || (!has(self.storage) && !has(self.authSecretRef) && !has(self.maxMemory))",
        message:
          'storage, authSecretRef and maxMemory are of no use in mode External: remove them (the password stands in the URL)',
      },
      {
        rule: "(self.mode == 'External') == has(self.urlSecretRef)",
        message:
          'urlSecretRef belongs to mode External, and External needs it: name the Secret that holds the URL, or remove urlSecretRef',
      },
      {
        rule: 'has(self.storage) == has(oldSelf.storage)',
        message:
          'storage cannot be added or removed later: make a new HyperpageCluster, or write the old storage',
      },
    ),
  },
);

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
  },
  {
    description: 'Leader election.',
    default: {},
    ...cel({
      rule: 'self.heartbeatIntervalMs * 2 <= self.timeoutMs',
      message:
        'timeoutMs must be at least twice heartbeatIntervalMs, so that one late renewal deposes nobody: raise timeoutMs or lower heartbeatIntervalMs',
    }),
  },
);

export const NetworkPolicySpec = Type.Object(
  {
    enabled: Type.Boolean({
      description: 'Make NetworkPolicies: Redis is reached by this cluster and the operator only.',
      default: true,
    }),
  },
  { description: 'Network policies.', default: {} },
);

export const ClusterSpec = Type.Object(
  {
    app: AppSpec,
    autoscaling: Type.Optional(AutoscalingSpec),
    redis: RedisSpec,
    sidecar: SidecarSpec,
    sessions: SessionsSpec,
    coordination: CoordinationSpec,
    leaderElection: LeaderElectionSpec,
    networkPolicy: NetworkPolicySpec,
    paused: Type.Boolean({
      description: 'Stop writing: the operator only watches and reports.',
      default: false,
    }),
    deletionPolicy: Type.Enum(['Retain', 'Delete'], {
      description: "What happens to Redis's volumes when this HyperpageCluster is deleted.",
      default: 'Retain',
    }),
  },
  {
    description: 'What you want.',
    ...cel({
      rule: 'self.app.port != self.sidecar.port',
      message: 'app.port and sidecar.port are the same, and both listen in one pod: change one of them',
    }),
  },
);

export const Condition = Type.Object(
  {
    type: Type.String({ description: 'What it speaks of, such as Ready.', maxLength: 316, minLength: 1 }),
    status: Type.Enum(['True', 'False', 'Unknown'], {
      description: 'Whether it is so; Unknown while nobody has looked, or too long ago.',
    }),
    reason: Type.String({
      description: 'Why, in one word for programs.',
      maxLength: 1024,
      minLength: 1,
    }),
    message: Type.String({ description: 'Why, and what to do, for people.', maxLength: 32768 }),
    observedGeneration: Type.Optional(
      Type.Integer({
        description: 'Generation of the spec that it speaks of.',
        minimum: 0,
        format: 'int64',
      }),
    ),
    lastTransitionTime: Type.String({
      description: 'When the status last changed; not when the reason or the message did.',
      format: 'date-time',
    }),
  },
  { description: 'One observation (meta/v1 Condition).' },
);

export const ClusterStatus = Type.Object(
  {
    observedGeneration: Type.Optional(
      Type.Integer({ description: 'Generation of the spec that this status speaks of.', format: 'int64' }),
    ),
    replicas: Type.Optional(Type.Integer({ description: 'App pods that exist (scale subresource).' })),
    readyReplicas: Type.Optional(Type.Integer({ description: 'App pods that are ready.' })),
    selector: Type.Optional(
      Type.String({ description: 'Label selector of the app pods (scale subresource).' }),
    ),
    leader: Type.Optional(
      Type.Object(
        {
          pod: Type.String({ description: 'Pod that leads; empty while none does.' }),
          term: Type.Integer({ description: 'Its term: it only grows.', format: 'int64' }),
          since: Type.String({ description: 'When it took the Lease.', format: 'date-time' }),
        },
        { description: 'Who leads among the app pods.' },
      ),
    ),
    redis: Type.Optional(
      Type.Object(
        {
          primary: Type.Optional(Type.String({ description: 'Pod that is the primary.' })),
          readyReplicas: Type.Optional(Type.Integer({ description: 'Redis pods that are ready.' })),
          endpoint: Type.Optional(Type.String({ description: 'host:port of the primary.' })),
        },
        { description: 'Redis as it was last seen; absent in mode External.' },
      ),
    ),
    conditions: Type.Optional(
      Type.Array(Condition, {
        description: 'What is as it should be and what is not: each type once, with its reason.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      }),
    ),
  },
  { description: 'What is, written by the operator.' },
);

export type ClusterSpec = Static<typeof ClusterSpec>;
export type ClusterStatus = Static<typeof ClusterStatus>;
export type Condition = Static<typeof Condition>;

/** A HyperpageCluster as the API server gives it: defaults filled in. */
export interface HyperpageCluster {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    generation: number;
    resourceVersion: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: ClusterSpec;
  status?: ClusterStatus;
}
