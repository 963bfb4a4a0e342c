import type { Observed } from '../../../operator/src/observe.ts';
import { appStaysStandalone, redisReplicasAfter, siteOf } from '../../../operator/src/upkeep.ts';
import {
  clusterOf,
  deploymentOf,
  nodeOf,
  observedOf,
  PODS,
  podOf,
  statefulSetOf,
  stepOf,
  timed,
  wholeRedis,
} from './fixtures.ts';

type Pod = Observed['redisPods'][number];
const revised = (pod: Pod, revision: string, more: Partial<Pod['metadata']> = {}): Pod => ({
  ...pod,
  metadata: {
    ...pod.metadata,
    ...more,
    labels: { ...pod.metadata.labels, 'controller-revision-hash': revision },
  },
});
const rolling = (more: Partial<Observed> = {}) =>
  observedOf({
    statefulSet: statefulSetOf(3, { updateRevision: 'b' }),
    redisPods: PODS.map((pod) => revised(podOf(pod, 'redis', true), 'a')),
    redis: timed(settled),
    ...more,
  });
const SETTINGS = {
  maxmemory: '0',
  appendfsync: 'everysec',
  'min-replicas-to-write': '1',
  'min-replicas-max-lag': '10',
};
const settled = wholeRedis();
settled.nodes = settled.nodes.map((node) => (node.reachable ? { ...node, settings: SETTINGS } : node));

describe('a planned restart of a Redis pod', () => {
  test('is the next step when its template changed', () => {
    expect(stepOf(rolling())).toMatchObject({ kind: 'restart', pod: 'demo-redis-2' });
  });
  test('waits while the StatefulSet has not looked at its template yet', () => {
    const behind = statefulSetOf(3, { updateRevision: 'b', observedGeneration: 0 });
    expect(stepOf(rolling({ statefulSet: behind }))).toEqual({ kind: 'rest' });
  });
  test('waits for a rollout of the app', () => {
    const deployment = deploymentOf(3, 3, { updatedReplicas: 1 });
    expect(stepOf(rolling({ deployment }))).toMatchObject({ kind: 'wait', why: 'the app is rolled first' });
  });
  test('waits for no rollout of the app that makes no progress', () => {
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];
    const deployment = deploymentOf(3, 3, { updatedReplicas: 1, conditions });
    expect(stepOf(rolling({ deployment }))).toMatchObject({ kind: 'restart' });
  });
  test('waits for a rotation of the password', () => {
    const credentials = { password: 'secret', accepted: ['secret', 'next'], generation: 1 };
    expect(stepOf(rolling({ credentials, secret: { kind: 'present', value: 'next' } }))).toMatchObject({
      kind: 'wait',
      why: 'the password is rotated first',
    });
  });
});

describe('from Standalone to Sentinel', () => {
  const alone: Pod = {
    ...podOf(PODS[0], 'redis', true),
    spec: { nodeName: 'node-1', containers: [{ name: 'redis' }] },
  };
  const redisPods = [
    revised(alone, 'a'),
    ...PODS.slice(1).map((pod) => revised(podOf(pod, 'redis', true), 'b')),
  ];
  const copied = { ...settled, sentinels: settled.sentinels.slice(1).map((each) => ({ ...each, knows: 1 })) };
  const moving = (more: Partial<Observed> = {}) => rolling({ redisPods, redis: timed(copied), ...more });
  const moved = deploymentOf(3, 3);
  moved.spec!.template = {
    spec: {
      containers: [],
      initContainers: [
        { name: 'sidecar', env: [{ name: 'HYPERPAGE_REDIS_SENTINELS', value: 'demo-redis-0:26379' }] },
      ],
    },
  };

  test('the app stays with the first Redis until the others follow it', () => {
    const nodes = [settled.nodes[0]!, nodeOf(PODS[1]), nodeOf(PODS[2])];
    expect(appStaysStandalone(moving({ redis: timed({ ...copied, nodes }) }))).toBe(true);
    expect(appStaysStandalone(moving({ redis: undefined }))).toBe(true);
    expect(appStaysStandalone(moving())).toBe(false);
  });
  test('the app does not move back when a Sentinel hiccups', () => {
    expect(appStaysStandalone(moving({ deployment: moved, redis: undefined }))).toBe(false);
  });
  test('the first Redis hands over once the app has moved, and no pod of the old app is left', () => {
    const old = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    const leaving = revised(podOf('demo-z', 'app', true), 'x', old);
    const appPods = [podOf('demo-a', 'app', true), leaving];
    expect(stepOf(moving({ deployment: moved, appPods }))).toMatchObject({
      kind: 'wait',
      why: expect.stringContaining('stood alone are stopping'),
    });
    expect(stepOf(moving({ deployment: moved }))).toMatchObject({ kind: 'switchOver', from: 'demo-redis-0' });
  });
  test('the Redis that stands alone is not asked for a Sentinel', () => {
    expect(siteOf(moving()).targets.map(({ sentinel }) => sentinel)).toEqual([false, true, true]);
  });
});

test('the StatefulSet grows at once and shrinks by what the step says', () => {
  const five = observedOf({ cluster: clusterOf({ redis: { replicas: 5 } }) });
  expect(redisReplicasAfter(five, { kind: 'rest' })).toBe(5);
  const three = observedOf({ statefulSet: statefulSetOf(5) });
  expect(redisReplicasAfter(three, { kind: 'rest' })).toBe(5);
  expect(redisReplicasAfter(three, { kind: 'shrink', to: 4 })).toBe(4);
});

describe('how Redis is spoken to', () => {
  test('both passwords of a rotation may be right', () => {
    const credentials = { password: 'a', accepted: ['a', 'b'], generation: 1 };
    expect(siteOf(observedOf({ credentials })).credentials).toEqual({ password: 'a', others: ['b'] });
  });
  test('who uses which password is asked only when it matters', () => {
    const switched = { password: 'b', accepted: ['a', 'b'], generation: 2 };
    expect(siteOf(observedOf()).questions.clients).toBe(false);
    expect(siteOf(observedOf({ credentials: switched })).questions.clients).toBe(true);
  });
  test('with TLS the name of the Service is verified', () => {
    const certificates = { kind: 'present' as const, ca: 'PEM' };
    const cluster = clusterOf({ redis: { tls: { secretName: 's' } } });
    expect(siteOf(observedOf({ cluster, certificates })).credentials?.tls).toEqual({
      ca: 'PEM',
      serverName: 'demo-redis.demo.svc',
    });
    const missing = { kind: 'missing' as const, problem: 's does not exist' };
    expect(siteOf(observedOf({ cluster, certificates: missing })).credentials).toBeUndefined();
  });
});
