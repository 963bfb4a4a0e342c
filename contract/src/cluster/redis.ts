import { Type } from 'typebox';
import { IMAGES } from '../group.ts';
import { cel, PullPolicy, Quantity, Resources, SecretKeyRef } from './pieces.ts';

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
