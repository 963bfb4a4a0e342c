import { Type } from 'typebox';
import { IMAGES } from '../group.ts';
import { cel, PullPolicy, Quantity, Resources, SecretKeyRef } from './pieces.ts';

/** Directives of redis.conf that belong to the operator, and what to write instead. */
const OWNED_DIRECTIVES = `
  acl-pubsub-default aclfile appenddirname appendfilename appendfsync appendonly bind cluster-enabled
  daemonize dbfilename dir include loadmodule logfile masterauth masteruser maxmemory min-replicas-max-lag
  min-replicas-to-write min-slaves-max-lag min-slaves-to-write pidfile port protected-mode rename-command
  replica-announce-ip replica-announce-port replica-priority replica-read-only replicaof requirepass save
  slave-announce-ip slave-announce-port slave-priority slave-read-only slaveof supervised unixsocket user
`
  .trim()
  .split(/\s+/);

/** Directives that Redis takes at its start only: a change of one restarts the pods, one after another.
 *  Source: IMMUTABLE_CONFIG in Redis 7's config.c. */
export const START_DIRECTIVES: readonly string[] = [
  'databases',
  'disable-thp',
  'io-threads',
  'io-threads-do-reads',
  'tcp-backlog',
];

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
          fsync: Type.Enum(['Always', 'EverySecond'], {
            description:
              "When Redis's file is on the disk. Always: before a write is answered, so nothing acknowledged is lost when every Redis dies at once. EverySecond: faster on slow disks, and the last second may be lost then.",
            default: 'Always',
          }),
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
    config: Type.Optional(
      Type.Record(Type.String(), Type.String({ description: 'Value of the directive.', maxLength: 512 }), {
        description:
          'More directives of redis.conf, such as maxmemory-policy: allkeys-lru. What Redis takes live is set live; databases, disable-thp, io-threads, io-threads-do-reads and tcp-backlog restart its pods one by one.',
        maxProperties: 64,
        ...cel(
          {
            rule: `!self.exists(k, k in [${OWNED_DIRECTIVES.map((name) => `'${name}'`).join(', ')}] || k.startsWith('tls-') || k.startsWith('sentinel'))`,
            message:
              'redis.config holds a directive that the operator sets: remove it (maxmemory is redis.maxMemory, appendfsync is redis.storage.fsync, certificates are redis.tls, passwords are redis.authSecretRef)',
          },
          {
            rule: "self.all(k, k.matches('^[a-z][a-z0-9-]*$') && !self[k].contains('\\n') && !self[k].contains('\\r'))",
            message:
              'redis.config takes directives as redis.conf has them: names in lower case with hyphens, and values of one line',
          },
        ),
      }),
    ),
    tls: Type.Optional(
      Type.Object(
        {
          secretName: Type.String({
            description:
              'Secret with tls.crt, tls.key and ca.crt (as cert-manager writes it). The certificate names NAME-redis.NAMESPACE.svc. Mode External reads ca.crt only.',
            minLength: 1,
          }),
        },
        { description: 'TLS for Redis and Sentinel. A renewed certificate is taken live.' },
      ),
    ),
    authSecretRef: Type.Optional(
      SecretKeyRef(
        'Your own Secret with the password. Absent: one is generated. A new password in it is taken live.',
        'password',
      ),
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
        rule: "self.mode == oldSelf.mode || (oldSelf.mode == 'Standalone' && self.mode == 'Sentinel')",
        message:
          'redis.mode can only change from Standalone to Sentinel: write the old mode, or make a new HyperpageCluster',
      },
      {
        rule: "self.mode != 'Sentinel' || self.replicas >= 3",
        message:
          'mode Sentinel wants at least 3 replicas to outvote a lost one: write replicas: 3, or mode: Standalone',
      },
      {
        rule: "self.mode != 'External' || (!has(self.storage) && !has(self.authSecretRef) && !has(self.maxMemory) && !has(self.config))",
        message:
          'storage, authSecretRef, maxMemory and config are of no use in mode External: remove them (the password stands in the URL)',
      },
      {
        rule: "self.mode == 'External' || has(self.tls) == has(oldSelf.tls)",
        message:
          'redis.tls cannot be added or removed later, as old and new pods could not speak to each other: make a new HyperpageCluster, or write the old tls',
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
