import { namesOf } from '@hyperpage/contract';
import { desiredObjects, type OwnedKind, withDigest } from '../../../operator/src/desired/index.ts';
import type { Manifest, Stored } from '../../../operator/src/kube/index.ts';
import { type Observed, objectId } from '../../../operator/src/observe.ts';
import { type PlanContext, planOf } from '../../../operator/src/plan.ts';
import { clusterOf, deploymentOf, leaseOf, observedOf, podOf, statefulSetOf } from './fixtures.ts';

const context: PlanContext = {
  operatorNamespace: 'hyperpage-system',
  nowMs: Date.parse('2026-05-01T12:00:00Z'),
  newSecret: () => 'fresh',
  isSettled: () => false,
};
const stored = (manifest: Manifest<OwnedKind>): Stored<OwnedKind> =>
  structuredClone({
    ...manifest,
    metadata: {
      ...manifest.metadata,
      uid: 'u',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
  }) as unknown as Stored<OwnedKind>;

/** Everything is there as it was applied. */
function applied(cluster = clusterOf(), more: Partial<Observed> = {}): Observed {
  const objects = new Map<string, Stored<OwnedKind>>();
  for (const manifest of desiredObjects(cluster, context)) {
    objects.set(objectId(manifest.kind, manifest.metadata.name), stored(withDigest(manifest)));
  }
  const { ownerReferences } = objects.get('Service/demo')!.metadata;
  const { redisAuthSecret, redisCredentialsSecret, peers } = namesOf('demo');
  for (const name of [redisAuthSecret, redisCredentialsSecret, peers]) {
    const secret = { kind: 'Secret', metadata: { name, ownerReferences } };
    objects.set(`Secret/${name}`, secret as unknown as Stored<OwnedKind>);
  }
  objects.set('Lease/demo-leader', leaseOf('demo-a_1'));
  const statefulSet = objects.get('StatefulSet/demo-redis') as Stored<'StatefulSet'>;
  return observedOf({ cluster, objects, statefulSet, ...more });
}
const actions = (observed: Observed, more: Partial<PlanContext> = {}) =>
  planOf(observed, { ...context, ...more }).actions.map((action) => {
    const { kind, metadata } = 'manifest' in action ? action.manifest : action.stored;
    return `${action.kind} ${kind}/${metadata.name}`;
  });

test('nothing is written where everything is as it was applied', () => {
  expect(planOf(applied(), context)).toEqual({ actions: [], problems: [] });
});

test('what is missing is made, what a pod needs before the pod', () => {
  const empty = observedOf({
    objects: new Map(),
    lease: undefined,
    deployment: undefined,
    statefulSet: undefined,
    appPods: [],
    credentials: undefined,
    secret: { kind: 'missing', problem: '' },
  });
  const order = actions(empty);
  expect(order.slice(0, 4)).toEqual([
    'createOnce Secret/demo-redis-auth',
    'createOnce Secret/demo-redis-credentials',
    'createOnce Secret/demo-peers',
    'createOnce Lease/demo-leader',
  ]);
  expect(order.indexOf('create ConfigMap/demo-redis')).toBeLessThan(
    order.indexOf('create StatefulSet/demo-redis'),
  );
  expect(order.indexOf('create RoleBinding/demo')).toBeLessThan(order.indexOf('create Deployment/demo'));
});

test('a drifted field is applied again; a field of somebody else is not looked at', () => {
  const observed = applied();
  const service = observed.objects.get('Service/demo') as Stored<'Service'>;
  service.spec!.sessionAffinity = 'ClientIP';
  service.metadata.annotations = { ...service.metadata.annotations, 'example.com/theirs': 'yes' };
  expect(actions(observed)).toEqual([]);
  service.spec!.ports![0]!.port = 81;
  expect(actions(observed)).toEqual(['apply Service/demo']);
});

test('a field that was taken out of what we want is noticed by the digest', () => {
  const before = applied(clusterOf({ app: { command: ['sh'] } }));
  expect(actions({ ...before, cluster: clusterOf() })).toEqual(['apply Deployment/demo']);
});

test('what the API server stored in other words is not applied twice', () => {
  const observed = applied();
  (observed.objects.get('Service/demo') as Stored<'Service'>).spec!.ports![0]!.port = 81;
  expect(actions(observed, { isSettled: () => true })).toEqual([]);
});

test('an object that is being deleted is left to go', () => {
  const observed = applied();
  const service = observed.objects.get('Service/demo')!;
  service.metadata.deletionTimestamp = '2026-05-01T12:00:00Z';
  service.metadata.labels = {};
  expect(actions(observed)).toEqual([]);
});

test('a foreign object is refused whatever its labels say, and what is not wanted of others is not deleted', () => {
  const observed = applied();
  const service = observed.objects.get('Service/demo')!;
  service.metadata.ownerReferences = [{ apiVersion: 'v1', kind: 'Other', name: 'demo', uid: 'older' }];
  const other = structuredClone(service);
  other.metadata.name = 'other';
  (observed.objects as Map<string, Stored<OwnedKind>>).set('Service/other', other);
  const plan = planOf(observed, context);
  expect(plan.actions).toEqual([]);
  expect(plan.problems).toEqual([
    { reason: 'ForeignObject', message: expect.stringContaining('Service demo') },
  ]);
});

test('what is left of an earlier cluster of the same name is waited for, not refused', () => {
  const observed = applied();
  const service = observed.objects.get('Service/demo')!;
  service.metadata.ownerReferences = [
    { apiVersion: 'v1', kind: 'HyperpageCluster', name: 'demo', uid: 'earlier' },
  ];
  expect(planOf(observed, context)).toEqual({ actions: [], problems: [] });
});

test('what the spec does not ask for any more is deleted, but never a Secret', () => {
  const before = applied(clusterOf({ autoscaling: { max: 9 } }));
  const cluster = clusterOf({
    networkPolicy: { enabled: false },
    redis: { authSecretRef: { name: 'a', key: 'b' } },
  });
  const deletions = actions({ ...before, cluster }).filter((action) => action.startsWith('delete'));
  expect(deletions).toEqual([
    'delete NetworkPolicy/demo-redis',
    'delete NetworkPolicy/demo',
    'delete HorizontalPodAutoscaler/demo',
  ]);
});

describe('the Secrets with the password', () => {
  const without = (more: Partial<Observed>, ...names: string[]) => {
    const observed = applied(clusterOf(), more);
    for (const name of names) (observed.objects as Map<string, unknown>).delete(`Secret/${name}`);
    return observed;
  };
  const both = ['demo-redis-auth', 'demo-redis-credentials'];
  const gone = { credentials: undefined, secret: { kind: 'missing' as const, problem: '' } };
  const passwordsIn = (observed: Observed) =>
    planOf(observed, context).actions.map((action) =>
      'manifest' in action
        ? Buffer.from((action.manifest as Manifest<'Secret'>).data?.['password'] ?? '', 'base64').toString()
        : '',
    );

  test('are made anew, with one password, while there is no Redis yet', () => {
    const observed = without({ ...gone, statefulSet: undefined }, ...both);
    expect(actions(observed)).toEqual([
      'createOnce Secret/demo-redis-auth',
      'createOnce Secret/demo-redis-credentials',
    ]);
    expect(passwordsIn(observed)).toEqual(['fresh', 'fresh']);
  });
  test('come back from each other', () => {
    expect(passwordsIn(without({ secret: gone.secret }, 'demo-redis-auth'))).toEqual(['secret']);
    expect(passwordsIn(without({ credentials: undefined }, 'demo-redis-credentials'))).toEqual(['secret']);
  });
  test('are never regenerated under a Redis that runs with a password nobody knows', () => {
    const plan = planOf(without(gone, ...both), context);
    expect(plan.actions).toEqual([]);
    expect(plan.problems).toEqual([
      { reason: 'SecretMissing', message: expect.stringContaining('restore demo-redis-auth') },
    ]);
  });
  test('of which one is the user’s own wait for it', () => {
    const cluster = clusterOf({ redis: { authSecretRef: { name: 'mine', key: 'password' } } });
    const observed = { ...without(gone, 'demo-redis-credentials'), cluster };
    expect(actions(observed).filter((action) => action.includes('Secret'))).toEqual([]);
  });
});

describe('the Secret with the sidecars’ key', () => {
  const without = (cluster = clusterOf()) => {
    const observed = applied(cluster);
    (observed.objects as Map<string, unknown>).delete('Secret/demo-peers');
    return observed;
  };

  test.each(['Sentinel', 'Standalone', 'External'] as const)('is made anew where it is gone (%s)', (mode) => {
    const plan = planOf(without(clusterOf({ redis: { mode } })), context);
    expect(plan.actions).toEqual([
      {
        kind: 'createOnce',
        manifest: expect.objectContaining({ data: { key: Buffer.from('fresh').toString('base64') } }),
      },
    ]);
  });
  test('is never written again, whatever it holds', () => {
    const observed = applied();
    (observed.objects.get('Secret/demo-peers') as Stored<'Secret'>).data = { key: 'bWluZQ==' };
    expect(planOf(observed, context)).toEqual({ actions: [], problems: [] });
  });
  test('of somebody else is left untouched and named', () => {
    const observed = applied();
    observed.objects.get('Secret/demo-peers')!.metadata.ownerReferences = [];
    expect(planOf(observed, context)).toEqual({
      actions: [],
      problems: [{ reason: 'ForeignObject', message: expect.stringContaining('Secret demo-peers') }],
    });
  });
});

describe('the leader Lease', () => {
  const lease = (more: Partial<Observed>) => {
    const observed = applied(clusterOf(), { lease: undefined, ...more });
    const action = planOf(observed, context).actions.find(({ kind }) => kind === 'createOnce');
    return action && 'manifest' in action
      ? (action.manifest as Manifest<'Lease'>).spec?.holderIdentity
      : undefined;
  };
  const never = { deployment: undefined, appPods: [] };
  test('is never held before there is any pod', () => {
    expect(lease(never)).toBe('');
  });
  test.each<[string, Partial<Observed>]>([
    ['there is a Deployment', { ...never, deployment: deploymentOf(3, 3) }],
    ['there is a pod', { ...never, appPods: [podOf('demo-a', 'app', true)] }],
    [
      'a leader is on record',
      { ...never, cluster: clusterOf({}, { leader: { pod: 'a', term: 4, since: '' } }) },
    ],
  ])('is held by someone unknown when %s', (_what, more) => {
    expect(lease(more)).toBe('unknown');
  });
  test('is not made where the election is off, and goes when it is switched off', () => {
    const cluster = clusterOf({ leaderElection: { enabled: false } });
    const owned = applied();
    owned.objects.get('Lease/demo-leader');
    expect(actions({ ...owned, cluster }).filter((action) => action.includes('Lease'))).toEqual([
      'delete Lease/demo-leader',
    ]);
  });
});

test('a volume grows by its claim, and the StatefulSet keeps the size it was made with', () => {
  const before = applied(clusterOf({ redis: { storage: { size: '1Gi' } } }));
  const claim = {
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data-demo-redis-0' },
    spec: { resources: { requests: { storage: '1Gi' } } },
  } as unknown as Stored<'PersistentVolumeClaim'>;
  const cluster = clusterOf({ redis: { storage: { size: '2Gi' } } });
  expect(actions({ ...before, cluster, claims: [claim] })).toEqual([
    'growClaim PersistentVolumeClaim/data-demo-redis-0',
  ]);
});

test('a Deployment under an HPA is made with its first number of pods, and never again written one', () => {
  const cluster = clusterOf({ autoscaling: { min: 4, max: 9 } });
  const observed = applied(cluster);
  (observed.objects as Map<string, Stored<OwnedKind>>).delete('Deployment/demo');
  expect(planOf(observed, context).actions).toEqual([
    expect.objectContaining({
      kind: 'create',
      replicas: 4,
      manifest: expect.objectContaining({ kind: 'Deployment' }),
    }),
  ]);
  const scaled = applied(cluster);
  (scaled.objects.get('Deployment/demo') as Stored<'Deployment'>).spec!.replicas = 7;
  expect(actions(scaled)).toEqual([]);
  expect(statefulSetOf(3).spec?.replicas).toBe(3);
});
