import { type Static, Type } from 'typebox';
import { AppSpec, AutoscalingSpec } from './app.ts';
import { cel } from './pieces.ts';
import { RedisSpec } from './redis.ts';
import { CoordinationSpec, LeaderElectionSpec, SessionsSpec, SidecarSpec } from './sidecar.ts';

export * from './app.ts';
export * from './redis.ts';
export * from './sidecar.ts';

/** The custom resource. These schemas are the source: the TypeScript types are inferred from them and the CRD in
 *  `crds/` is generated from them (`make generate`). Keywords that begin with `x-kubernetes-` pass to the CRD as they
 *  are; CEL messages tell the user what to write instead. */

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
