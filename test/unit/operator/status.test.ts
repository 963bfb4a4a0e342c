import { CONDITION_TYPES, CONDITIONS, type Condition, type ConditionType } from '@hyperpage/contract';
import type { Observed } from '../../../operator/src/observe.ts';
import type { Problem } from '../../../operator/src/plan.ts';
import { statusOf as fullStatusOf } from '../../../operator/src/status/index.ts';
import {
  clusterOf,
  deploymentOf,
  leaseOf,
  nodeOf,
  observedOf,
  PODS,
  podOf,
  sentinelOf,
  silentOf,
  statefulSetOf,
  stepOf,
  timed,
  wholeRedis,
} from './fixtures.ts';

const statusOf = (observed: Observed, problems: Problem[], nowMs: number) =>
  fullStatusOf(observed, stepOf(observed), problems, nowMs);
const NOW = Date.parse('2026-05-01T12:00:00Z');
const conditions = (observed: Observed, problems: Problem[] = []) =>
  Object.fromEntries(
    (statusOf(observed, problems, NOW).conditions ?? []).map((condition) => [condition.type, condition]),
  ) as Record<ConditionType, Condition>;

const waiting = (container: string, reason: string, message = '') => ({
  containerStatuses: [{ name: container, ready: false, state: { waiting: { reason, message } } }],
});
const unready = (status: object) => ({
  deployment: deploymentOf(3, 0),
  appPods: [podOf('demo-a', 'app', false, status)],
});
const revised = (pod: string, revision: string) => {
  const made = podOf(pod, 'redis', true);
  return {
    ...made,
    metadata: {
      ...made.metadata,
      labels: { ...made.metadata.labels, 'controller-revision-hash': revision },
    },
  };
};
/** The app has been available before. */
const before = (type: ConditionType, status: 'True' | 'False', reason: string) =>
  clusterOf(
    {},
    { conditions: [{ type, status, reason, message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
  );

describe('a cluster where all is well', () => {
  test('has every condition in its healthy state, but for the features that are off', () => {
    const all = conditions(observedOf({ cluster: clusterOf({ redis: { storage: { size: '1Gi' } } }) }));
    for (const type of CONDITION_TYPES) {
      if (type === 'AutoscalingActive') continue;
      expect([type, all[type].status, all[type].reason]).toEqual([type, ...CONDITIONS[type].healthy]);
    }
    expect(all.AutoscalingActive).toMatchObject({ status: 'False', reason: 'Disabled' });
  });

  test('tells the leader, the primary and the pods', () => {
    expect(statusOf(observedOf(), [], NOW)).toMatchObject({
      observedGeneration: 3,
      replicas: 3,
      readyReplicas: 3,
      selector: 'hyperpage.dev/cluster=demo,app.kubernetes.io/component=app',
      leader: { pod: 'demo-a', term: 4, since: '2026-01-01T00:00:00.000000Z' },
      redis: { primary: 'demo-redis-0', endpoint: '10.0.0.1:6379', readyReplicas: 3 },
    });
  });
});

const surplusPrimary = wholeRedis({
  nodes: [...wholeRedis().nodes.slice(0, 2), nodeOf(PODS[2], { role: 'primary', refuses: 'no replica' })],
});
/** Containers of a Redis pod. */
const containersOf = (sentinel: boolean) => ({
  containerStatuses: [
    { name: 'redis', ready: true },
    { name: 'sentinel', ready: sentinel },
  ],
});
/** A rollout that has replaced nothing yet: its first pod cannot start. */
const brokenRollout = (reason: string): Partial<Observed> => ({
  cluster: before('Progressing', 'True', 'RollingApp'),
  deployment: deploymentOf(3, 3, { replicas: 4, updatedReplicas: 1 }),
  appPods: [
    ...observedOf().appPods,
    podOf('demo-new', 'app', false, {
      containerStatuses: [
        {
          name: 'app',
          image: 'example:9',
          ready: false,
          state: { waiting: { reason, message: 'not there' } },
        },
      ],
    }),
  ],
});
const replicaDown = wholeRedis({ nodes: [...wholeRedis().nodes.slice(0, 2), silentOf(PODS[2])] });
const cases: Array<
  [what: string, more: Partial<Observed>, type: ConditionType, status: string, reason: string, says?: RegExp]
> = [
  [
    'nothing exists yet',
    { deployment: undefined, redis: undefined, appPods: [] },
    'AppAvailable',
    'False',
    'Creating',
  ],
  [
    'nothing exists yet',
    { deployment: undefined, redis: undefined, appPods: [] },
    'Progressing',
    'True',
    'Creating',
  ],
  [
    'nothing exists yet',
    { deployment: undefined, redis: undefined, appPods: [] },
    'RedisAvailable',
    'Unknown',
    'NotObserved',
  ],
  [
    'pods start for the first time',
    unready({}),
    'AppAvailable',
    'False',
    'Creating',
    /0 of 3 app pods are available, 2 are needed/,
  ],
  [
    'pods are gone that were there',
    { ...unready({}), cluster: before('AppAvailable', 'True', 'MinimumReplicasAvailable') },
    'AppAvailable',
    'False',
    'NotEnoughReplicas',
  ],
  [
    'an image cannot be pulled',
    unready(waiting('app', 'ImagePullBackOff', 'no such image')),
    'AppAvailable',
    'False',
    'ImagePullFailed',
    /demo-a: container app: no such image. Check spec.app.image/,
  ],
  [
    'the app crashes',
    unready(waiting('app', 'CrashLoopBackOff', 'back-off')),
    'AppAvailable',
    'False',
    'CrashLooping',
    /logs --previous/,
  ],
  [
    'the image wants root',
    unready(waiting('app', 'CreateContainerConfigError', 'image will run as root')),
    'AppAvailable',
    'False',
    'NotEnoughReplicas',
    /image will run as root/,
  ],
  [
    'the sidecar is not ready',
    unready({ initContainerStatuses: [{ name: 'sidecar', ready: false, state: { running: {} } }] }),
    'AppAvailable',
    'False',
    'SidecarNotReady',
    /waits for Redis and the leader Lease/,
  ],
  [
    'one of three pods is gone',
    { deployment: deploymentOf(3, 2) },
    'AppAvailable',
    'True',
    'MinimumReplicasAvailable',
  ],
  [
    'one of three pods is gone',
    { deployment: deploymentOf(3, 2) },
    'Degraded',
    'True',
    'ReplicaDown',
    /2 of 3 app pods/,
  ],
  ['one of three pods is gone', { deployment: deploymentOf(3, 2) }, 'Ready', 'True', 'AllComponentsReady'],
  ['two of three pods are gone', { deployment: deploymentOf(3, 1) }, 'Ready', 'False', 'AppUnavailable'],
  [
    'two of ten pods are gone',
    { deployment: deploymentOf(10, 8) },
    'AppAvailable',
    'True',
    'MinimumReplicasAvailable',
  ],
  ['three of ten pods are gone', { deployment: deploymentOf(10, 7) }, 'AppAvailable', 'False', 'Creating'],
  [
    'the only pod is there',
    { deployment: deploymentOf(1, 1) },
    'AppAvailable',
    'True',
    'MinimumReplicasAvailable',
  ],
  ['the only pod is gone', { deployment: deploymentOf(1, 0) }, 'AppAvailable', 'False', 'Creating'],
  [
    'no pods are wanted',
    { deployment: deploymentOf(0, 0) },
    'AppAvailable',
    'True',
    'MinimumReplicasAvailable',
  ],
  [
    'no node takes a pod',
    {
      appPods: [
        podOf('demo-a', 'app', false, {
          phase: 'Pending',
          conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes' }],
        }),
      ],
    },
    'Degraded',
    'True',
    'PodUnschedulable',
    /No node takes demo-a: 0\/3 nodes/,
  ],
  ...['ImagePullBackOff', 'CrashLoopBackOff', 'CreateContainerConfigError'].flatMap(
    (reason): typeof cases => [
      [
        `a pod of a rollout meets ${reason}`,
        brokenRollout(reason),
        'Degraded',
        'True',
        'RolloutStuck',
        /waits for pod demo-new: container app \(example:9\): not there/,
      ],
      [
        `a pod of a rollout meets ${reason}`,
        brokenRollout(reason),
        'Progressing',
        'True',
        'RollingApp',
        /1 of 3 app pods run as the spec says\. Pod demo-new: container app \(example:9\): not there/,
      ],
    ],
  ),
  [
    'a pod meets an error and no rollout is under way',
    { ...brokenRollout('CrashLoopBackOff'), deployment: deploymentOf(3, 2) },
    'Degraded',
    'True',
    'ReplicaDown',
  ],
  [
    'the app is scaled down',
    {
      cluster: before('Progressing', 'False', 'ReconcileComplete'),
      deployment: deploymentOf(4, 5, { replicas: 5, updatedReplicas: 5 }),
    },
    'Progressing',
    'True',
    'RollingApp',
    /^5 app pods run and 4 are wanted: the others are stopping\.$/,
  ],
  [
    'a rollout is stuck',
    {
      deployment: deploymentOf(3, 3, {
        conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
      }),
    },
    'Degraded',
    'True',
    'RolloutStuck',
  ],
  [
    'a rollout of the app is under way',
    {
      cluster: before('Progressing', 'False', 'ReconcileComplete'),
      deployment: deploymentOf(3, 3, { updatedReplicas: 1 }),
    },
    'Progressing',
    'True',
    'RollingApp',
    /1 of 3 app pods/,
  ],
  [
    'a rollout of Redis is under way',
    {
      cluster: before('Progressing', 'False', 'ReconcileComplete'),
      statefulSet: statefulSetOf(3, { updateRevision: 'b' }),
      redisPods: PODS.map((pod, i) => revised(pod, i === 2 ? 'b' : 'a')),
    },
    'Progressing',
    'True',
    'RollingRedis',
  ],
  [
    'the StatefulSet is done but its current revision lags',
    {
      cluster: before('Progressing', 'False', 'ReconcileComplete'),
      statefulSet: statefulSetOf(3, { updateRevision: 'b', currentRevision: 'a' }),
      redisPods: PODS.map((pod) => revised(pod, 'b')),
    },
    'Progressing',
    'False',
    'ReconcileComplete',
  ],

  [
    'Redis was looked at too long ago',
    { redis: timed(wholeRedis(), true) },
    'RedisAvailable',
    'Unknown',
    'NotObserved',
  ],
  [
    'Redis was looked at too long ago',
    { redis: timed(wholeRedis(), true) },
    'SentinelQuorum',
    'Unknown',
    'NotObserved',
  ],
  [
    'Redis was looked at too long ago',
    { redis: timed(wholeRedis(), true) },
    'Ready',
    'Unknown',
    'NotObserved',
  ],
  [
    'no Redis answers',
    { redis: timed(wholeRedis({ nodes: PODS.map(silentOf), sentinels: PODS.map(silentOf) })) },
    'RedisAvailable',
    'Unknown',
    'Unreachable',
    /ETIMEDOUT/,
  ],
  [
    'there is no primary',
    { redis: timed(wholeRedis({ nodes: [silentOf(PODS[0]), ...wholeRedis().nodes.slice(1)] })) },
    'RedisAvailable',
    'False',
    'NoPrimary',
    /No answer from demo-redis-0/,
  ],
  [
    'there is no primary',
    { redis: timed(wholeRedis({ nodes: [silentOf(PODS[0]), ...wholeRedis().nodes.slice(1)] })) },
    'Ready',
    'False',
    'NoRedisPrimary',
  ],
  [
    'two say they are primary',
    { redis: timed(wholeRedis({ nodes: PODS.map((pod) => nodeOf(pod, { role: 'primary' })) })) },
    'RedisAvailable',
    'False',
    'MultiplePrimaries',
    /Sentinels name 10.0.0.1:6379/,
  ],
  [
    'a second primary refuses writes',
    { redis: timed(surplusPrimary) },
    'RedisAvailable',
    'True',
    'PrimaryWritable',
    /demo-redis-0 takes writes/,
  ],
  [
    'a second primary refuses writes',
    { redis: timed(surplusPrimary) },
    'Degraded',
    'True',
    'ReplicaDown',
    /^Redis demo-redis-2 is a primary that nobody elected\.$/,
  ],
  [
    'two replicas do not follow',
    { redis: timed(wholeRedis({ nodes: [wholeRedis().nodes[0]!, nodeOf(PODS[1]), nodeOf(PODS[2])] })) },
    'Degraded',
    'True',
    'ReplicaDown',
    /^Redis demo-redis-1, demo-redis-2 do not follow the primary\.$/,
  ],
  [
    'a former primary hangs',
    { redis: timed(wholeRedis({ nodes: [silentOf(PODS[0]), ...wholeRedis().nodes.slice(1)] })) },
    'Degraded',
    'True',
    'ReplicaDown',
    /^Redis demo-redis-0 does not answer\.$/,
  ],
  [
    'the container of a Sentinel was killed',
    { redisPods: PODS.map((pod) => podOf(pod, 'redis', pod !== PODS[2], containersOf(pod !== PODS[2]))) },
    'Degraded',
    'True',
    'SentinelDown',
    /2 of 3 Sentinels watch the primary: not the one of demo-redis-2/,
  ],
  [
    'the primary refuses writes',
    {
      redis: timed(
        wholeRedis({
          nodes: [
            nodeOf(PODS[0], { role: 'primary', refuses: 'no replica keeps up' }),
            ...wholeRedis().nodes.slice(1),
          ],
        }),
      ),
    },
    'RedisAvailable',
    'False',
    'WritesRefused',
    /no replica keeps up/,
  ],
  ['a replica does not answer', { redis: timed(replicaDown) }, 'RedisAvailable', 'True', 'PrimaryWritable'],
  [
    'a replica does not answer',
    { redis: timed(replicaDown) },
    'Degraded',
    'True',
    'ReplicaDown',
    /demo-redis-2/,
  ],
  [
    'a replica lags',
    {
      redis: timed(
        wholeRedis({
          nodes: [
            nodeOf(PODS[0], { role: 'primary', slowestReplicaSeconds: 11 }),
            ...wholeRedis().nodes.slice(1),
          ],
        }),
      ),
    },
    'Degraded',
    'True',
    'ReplicationLagging',
  ],
  [
    'one Sentinel is down',
    { redis: timed(wholeRedis({ sentinels: [...wholeRedis().sentinels.slice(0, 2), silentOf(PODS[2])] })) },
    'SentinelQuorum',
    'True',
    'Agreed',
  ],
  [
    'one Sentinel is down',
    { redis: timed(wholeRedis({ sentinels: [...wholeRedis().sentinels.slice(0, 2), silentOf(PODS[2])] })) },
    'Degraded',
    'True',
    'SentinelDown',
    /2 of 3 Sentinels/,
  ],
  [
    'two Sentinels are down',
    {
      redis: timed(
        wholeRedis({
          sentinels: [...wholeRedis().sentinels.slice(0, 1), silentOf(PODS[1]), silentOf(PODS[2])],
        }),
      ),
    },
    'SentinelQuorum',
    'False',
    'TooFewSentinels',
    /1 of 3 .* 2 are needed/,
  ],
  [
    'two Sentinels are down',
    {
      redis: timed(
        wholeRedis({
          sentinels: [...wholeRedis().sentinels.slice(0, 1), silentOf(PODS[1]), silentOf(PODS[2])],
        }),
      ),
    },
    'Ready',
    'False',
    'SentinelQuorumLost',
  ],
  [
    'the Sentinels do not know each other yet',
    {
      redis: timed(
        wholeRedis({ sentinels: PODS.map((pod) => sentinelOf(pod, { primary: '10.0.0.1:6379', knows: 0 })) }),
      ),
    },
    'SentinelQuorum',
    'False',
    'TooFewSentinels',
    /0 of 3 Sentinels watch the primary and know each other/,
  ],
  [
    'the Sentinels disagree',
    {
      redis: timed(
        wholeRedis({ sentinels: PODS.map((pod, i) => sentinelOf(pod, { primary: `10.0.0.${i + 1}:6379` })) }),
      ),
    },
    'SentinelQuorum',
    'False',
    'Disagreement',
  ],
  [
    'a failover is under way and writes work',
    {
      redis: timed(
        wholeRedis({
          sentinels: PODS.map((pod) => sentinelOf(pod, { primary: '10.0.0.1:6379', failingOver: true })),
        }),
      ),
    },
    'Ready',
    'True',
    'AllComponentsReady',
  ],
  [
    'a failover is under way',
    {
      redis: timed(
        wholeRedis({
          sentinels: PODS.map((pod) => sentinelOf(pod, { primary: '10.0.0.1:6379', failingOver: true })),
        }),
      ),
    },
    'SentinelQuorum',
    'False',
    'FailoverInProgress',
  ],
  [
    'Redis stands alone',
    { cluster: clusterOf({ redis: { mode: 'Standalone' } }) },
    'SentinelQuorum',
    'False',
    'Disabled',
  ],
  [
    'data disagree',
    {
      redis: timed(
        wholeRedis({
          nodes: PODS.map((pod) => nodeOf(pod, { keys: 1 })),
          sentinels: PODS.map((pod) => sentinelOf(pod)),
        }),
      ),
    },
    'Stalled',
    'True',
    'DataConflict',
    /annotate --overwrite hyperpagecluster demo hyperpage\.dev\/choose-primary=POD@[0-9a-f]{8}/,
  ],

  ['nobody leads', { lease: leaseOf('') }, 'LeaderElected', 'False', 'NoCandidate'],
  [
    'the Lease was deleted',
    { lease: leaseOf('unknown') },
    'LeaderElected',
    'False',
    'NoCandidate',
    /deleted and made again/,
  ],
  [
    'the leader is silent',
    { leaseSilentMs: 30_001 },
    'LeaderElected',
    'False',
    'LeaseExpired',
    /demo-a no longer renews/,
  ],
  [
    'the election is off',
    { cluster: clusterOf({ leaderElection: { enabled: false } }) },
    'LeaderElected',
    'False',
    'Disabled',
  ],
  ['no leader is elected', { lease: leaseOf('') }, 'Ready', 'True', 'AllComponentsReady'],
  [
    'the HPA has not looked',
    { cluster: clusterOf({ autoscaling: { max: 5 } }) },
    'AutoscalingActive',
    'Unknown',
    'NotObserved',
  ],
  ['it is paused', { cluster: clusterOf({ paused: true }) }, 'Paused', 'True', 'PausedByUser'],
  ['Redis has no volumes', {}, 'ConfigurationWarning', 'True', 'EphemeralSessions'],
  [
    'there are four Sentinels',
    { cluster: clusterOf({ redis: { replicas: 4 } }) },
    'ConfigurationWarning',
    'True',
    'EvenSentinelCount',
    /write redis.replicas: 5.*no volumes/,
  ],
  [
    'pods get no time to stop',
    { cluster: clusterOf({ app: { podTemplate: { spec: { terminationGracePeriodSeconds: 5 } } } }) },
    'ConfigurationWarning',
    'True',
    'GraceTooShort',
  ],
  [
    'a Secret of the user is missing',
    {
      cluster: clusterOf({ redis: { authSecretRef: { name: 'mine', key: 'pw' } } }),
      secret: { kind: 'missing', problem: 'mine does not exist: create it with the key pw' },
    },
    'Stalled',
    'True',
    'SecretMissing',
    /mine does not exist/,
  ],
];

const named = cases.map(([what, more, type, status, reason, says = /./]) => ({
  name: `when ${what}, ${type} is ${status} ${reason}`,
  more,
  type,
  expected: { status, reason, message: expect.stringMatching(says) },
}));
test.each(named)('$name', ({ more, type, expected }) => {
  expect(conditions(observedOf(more))[type]).toMatchObject(expected);
});

test('what the API server refused is Stalled, with everything that stands in the way', () => {
  const problems: Problem[] = [
    { reason: 'ForeignObject', message: 'Service demo' },
    { reason: 'Forbidden', message: 'quota' },
  ];
  expect(conditions(observedOf(), problems).Stalled).toMatchObject({
    status: 'True',
    reason: 'ForeignObject',
    message: 'Service demo; quota',
  });
});

test('an HPA that cannot read its metric is mirrored in its own words', () => {
  const autoscaler = {
    status: {
      conditions: [
        { type: 'ScalingActive', status: 'False', reason: 'FailedGetResourceMetric', message: 'no metrics' },
      ],
    },
  } as unknown as NonNullable<Observed['autoscaler']>;
  const observed = observedOf({ cluster: clusterOf({ autoscaling: { max: 5 } }), autoscaler });
  expect(conditions(observed).AutoscalingActive).toMatchObject({
    status: 'False',
    reason: 'FailedGetResourceMetric',
    message: 'no metrics',
  });
});

describe('time of the last transition', () => {
  const earlier = '2026-01-01T00:00:00Z';
  test('moves when the status flips', () => {
    const cluster = before('Ready', 'False', 'AppUnavailable');
    expect(conditions(observedOf({ cluster })).Ready.lastTransitionTime).toBe('2026-05-01T12:00:00Z');
  });
  test('stays when only the reason or the message changes', () => {
    const cluster = before('Ready', 'False', 'AppUnavailable');
    const redis = timed(wholeRedis({ nodes: [silentOf(PODS[0]), ...wholeRedis().nodes.slice(1)] }));
    const ready = conditions(observedOf({ cluster, redis })).Ready;
    expect(ready).toMatchObject({ reason: 'NoRedisPrimary', lastTransitionTime: earlier });
  });
  test('makes an unchanged status equal to the one before', () => {
    const first = statusOf(observedOf(), [], NOW);
    const second = statusOf(observedOf({ cluster: clusterOf({}, first) }), [], NOW + 60_000);
    expect(second).toEqual(first);
  });
});

test('a message that names a pod stays the same in whatever order the pods are seen', () => {
  const pods = ['demo-b', 'demo-a', 'demo-c'].map((name) =>
    podOf(name, 'app', false, waiting('app', 'CrashLoopBackOff', 'back-off')),
  );
  const say = (appPods: Observed['appPods']) =>
    conditions(observedOf({ deployment: deploymentOf(3, 0), appPods })).AppAvailable.message;
  expect(say(pods)).toMatch(/Pod demo-a/);
  expect(say(pods.toReversed())).toBe(say(pods));
});

test('a sidecar that has not started yet is not blamed', () => {
  const status = {
    initContainerStatuses: [
      { name: 'sidecar', ready: false, state: { waiting: { reason: 'PodInitializing' } } },
    ],
  };
  expect(conditions(observedOf(unready(status))).AppAvailable.reason).toBe('Creating');
});

test('the last term is remembered while nobody leads', () => {
  const status = statusOf(observedOf(), [], NOW);
  const gone = observedOf({ cluster: clusterOf({}, status), lease: leaseOf('unknown', 0) });
  expect(statusOf(gone, [], NOW).leader).toMatchObject({ pod: '', term: 4 });
});

test('a condition never has a reason that the contract does not declare', () => {
  for (const [, more] of cases) {
    for (const { type, reason } of Object.values(conditions(observedOf(more)))) {
      const { healthy, otherReasons } = CONDITIONS[type as ConditionType];
      expect([healthy[1], ...otherReasons]).toContain(reason);
    }
  }
});
