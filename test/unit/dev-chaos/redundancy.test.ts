import type { PrimarySeen } from '../../../dev/chaos/agent/messages.ts';
import { missingRedundancy } from '../../../dev/chaos/redundancy.ts';
import type { PodSeen, Snapshot } from '../../../dev/chaos/site.ts';

const pod = (name: string, more: Partial<PodSeen> = {}): PodSeen => ({
  name,
  namespace: 'web',
  ip: '10.0.0.1',
  node: 'node-1',
  ready: true,
  revision: 'r2',
  ...more,
});
const conditions = (statuses: Record<string, string>) =>
  Object.entries(statuses).map(([type, status]) => ({ type, status, reason: 'Why', message: 'What.' }));
const snapshot = (more: Partial<Snapshot> = {}, statuses: Record<string, string> = {}): Snapshot => ({
  cluster: {
    metadata: { name: 'shop', generation: 3 },
    spec: { redis: { mode: 'Sentinel', replicas: 3 } },
    status: {
      observedGeneration: 3,
      conditions: conditions({ Ready: 'True', Degraded: 'False', Progressing: 'False', ...statuses }),
    },
  } as unknown as Snapshot['cluster'],
  app: [],
  redis: [pod('shop-redis-0'), pod('shop-redis-1'), pod('shop-redis-2')],
  revision: 'r2',
  ...more,
});
const primary = (more: Partial<PrimarySeen> = {}): PrimarySeen => ({
  address: '10.0.0.1:6379',
  runId: 'one',
  writable: true,
  goodReplicas: 2,
  fromMs: 0,
  toMs: 1_000,
  ...more,
});

test('nothing is missing when pods, conditions and observers agree', () => {
  expect(missingRedundancy(snapshot(), [primary()])).toBeUndefined();
});

test.each<[string, Snapshot, PrimarySeen[], string]>([
  ['a pod is gone', snapshot({ redis: [pod('a'), pod('b')] }), [primary()], '2 of 3 Redis pods are ready'],
  [
    'a pod is of the revision before',
    snapshot({ redis: [pod('a', { revision: 'r1' }), pod('b'), pod('c')] }),
    [primary()],
    'not every Redis pod is of the present revision',
  ],
  ['nobody sees a primary', snapshot(), [], 'no observer sees a primary'],
  [
    'a replica is behind, whatever the conditions say',
    snapshot(),
    [primary({ goodReplicas: 1 })],
    '1 of 2 replicas keep up with the primary 10.0.0.1:6379',
  ],
  [
    'the former primary is still one',
    snapshot(),
    [primary(), primary({ runId: 'other', address: '10.0.0.2:6379' })],
    'observers see 2 primaries',
  ],
  ['the operator says so', snapshot({}, { Degraded: 'True' }), [primary()], 'Degraded=True Why: What.'],
])('something is missing when %s', (_, seen, primaries, message) => {
  expect(missingRedundancy(seen, primaries)).toBe(message);
});

test('the latest that was seen of a primary counts', () => {
  const before = primary({ goodReplicas: 1, toMs: 500 });
  expect(missingRedundancy(snapshot(), [primary(), before])).toBeUndefined();
});

test('conditions that speak of an older spec are not believed', () => {
  const seen = snapshot();
  seen.cluster.metadata.generation = 4;
  expect(missingRedundancy(seen, [primary()])).toBe('the operator has not seen the spec yet');
});
