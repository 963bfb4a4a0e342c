import { GHOST_PROOF_MS, judge } from '../../../operator/src/redis/index.ts';
import { nodeOf, PODS, sentinelOf, silentOf, wholeRedis } from './fixtures.ts';

type RedisNode = ReturnType<typeof wholeRedis>['nodes'][number];
type RedisSentinel = ReturnType<typeof wholeRedis>['sentinels'][number];

const blank = PODS.map((pod) => sentinelOf(pod));
const unassigned = PODS.map((pod) => nodeOf(pod));
const decide = (more: Parameters<typeof wholeRedis>[0]) =>
  judge(wholeRedis({ sentinels: blank, ...more })).decision;

describe('the first topology', () => {
  test('is built on the first pod once all are unassigned and empty', () => {
    expect(decide({ nodes: unassigned })).toEqual({ kind: 'build', primary: 'demo-redis-0', why: 'first' });
  });
  test('waits for a pod that may hold data', () => {
    expect(decide({ nodes: [unassigned[0]!, unassigned[1]!, silentOf(PODS[2])] })).toMatchObject({
      kind: 'wait',
    });
  });
  test('waits for a pod that is missing and may hold data', () => {
    expect(decide({ nodes: unassigned.slice(0, 2), sentinels: blank.slice(0, 2) })).toMatchObject({
      kind: 'wait',
    });
  });
  test('does not wait for a pod that never ran and has no volume, as long as there is a majority', () => {
    const two = { nodes: unassigned.slice(1), sentinels: blank.slice(1), missingAreEmpty: true };
    expect(decide(two)).toEqual({ kind: 'build', primary: 'demo-redis-1', why: 'first' });
    const one = { nodes: unassigned.slice(2), sentinels: blank.slice(2), missingAreEmpty: true };
    expect(decide(one)).toMatchObject({ kind: 'wait' });
  });
  test('waits until Redis has read its data', () => {
    expect(decide({ nodes: [nodeOf(PODS[0], { loading: true }), ...unassigned.slice(1)] })).toMatchObject({
      kind: 'wait',
    });
  });
  test('that broke off half-way is finished with the primary it has', () => {
    const nodes = [unassigned[0]!, nodeOf(PODS[1], { role: 'primary' }), unassigned[2]!];
    expect(decide({ nodes })).toEqual({ kind: 'build', primary: 'demo-redis-1', why: 'resumed' });
  });
});

describe('a topology whose pods were all down', () => {
  test('goes on with the pod that was the primary', () => {
    const nodes = [
      nodeOf(PODS[0], { keys: 9 }),
      nodeOf(PODS[1]),
      nodeOf(PODS[2], { keys: 8, formerPrimary: true }),
    ];
    expect(decide({ nodes })).toEqual({ kind: 'build', primary: 'demo-redis-2', why: 'restored' });
  });
  test('is a conflict when several were the primary', () => {
    const nodes = PODS.map((pod) => nodeOf(pod, { keys: 1, formerPrimary: pod !== PODS[2] }));
    expect(decide({ nodes })).toMatchObject({ kind: 'conflict' });
  });
  test('is a conflict when there are data and none was the primary', () => {
    expect(decide({ nodes: [nodeOf(PODS[0], { keys: 1 }), ...unassigned.slice(1)] })).toMatchObject({
      kind: 'conflict',
    });
  });
  test('is a conflict when the primary is empty and a replica is not', () => {
    const nodes = [nodeOf(PODS[0], { role: 'primary' }), nodeOf(PODS[1], { keys: 3 }), unassigned[2]!];
    expect(decide({ nodes })).toMatchObject({
      kind: 'conflict',
      why: expect.stringContaining('demo-redis-1 holds data'),
    });
  });
});

describe('a ghost: the Sentinels wait for an address that no pod has any more', () => {
  const dead = { primary: '10.0.0.9:6379', knows: 0, primaryDown: true };
  const waiting = PODS.map((pod) => sentinelOf(pod, dead));
  const after = (more: Parameters<typeof wholeRedis>[0], ghostMs = GHOST_PROOF_MS) =>
    judge(wholeRedis({ nodes: unassigned, sentinels: waiting, ...more }), { ghostMs, strandedMs: 0 })
      .decision;
  const withOther = <T>(list: readonly T[], last: T): T[] => [...list.slice(0, 2), last];

  test('is forgotten once it has been seen long enough, and the first topology built', () => {
    const expected = { kind: 'build', primary: 'demo-redis-0', why: 'first', ghost: '10.0.0.9:6379' };
    expect(after({})).toEqual(expected);
    expect(after({ sentinels: withOther(waiting, sentinelOf(PODS[2])) })).toEqual(expected);
  });
  test('is not believed in before', () => {
    expect(after({}, GHOST_PROOF_MS - 1)).toMatchObject({
      kind: 'wait',
      why: expect.stringContaining('10.0.0.9:6379'),
    });
  });
  test('does not hide who was the primary', () => {
    const nodes = PODS.map((pod) => nodeOf(pod, { keys: 5, formerPrimary: pod === PODS[1] }));
    expect(after({ nodes })).toEqual({
      kind: 'build',
      primary: 'demo-redis-1',
      why: 'restored',
      ghost: '10.0.0.9:6379',
    });
  });
  test('is a conflict when nobody can tell which data are right', () => {
    expect(after({ nodes: withOther(unassigned, nodeOf(PODS[2], { keys: 5 })) })).toMatchObject({
      kind: 'conflict',
    });
  });

  const doubts: Array<[string, Parameters<typeof wholeRedis>[0]]> = [
    ['a Redis does not answer', { nodes: withOther<RedisNode>(unassigned, silentOf(PODS[2])) }],
    ['a Sentinel does not answer', { sentinels: withOther<RedisSentinel>(waiting, silentOf(PODS[2])) }],
    ['a pod is missing', { nodes: unassigned.slice(1), sentinels: waiting.slice(1) }],
    ['a pod is missing that never ran', { nodes: unassigned.slice(1), missingAreEmpty: true }],
    ['a Redis is the primary', { nodes: withOther(unassigned, nodeOf(PODS[2], { role: 'primary' })) }],
    ['a Redis follows somebody', { nodes: withOther(unassigned, nodeOf(PODS[2], { role: 'replica' })) }],
    ['a Redis reads its data', { nodes: withOther(unassigned, nodeOf(PODS[2], { loading: true })) }],
    [
      'a Sentinel reaches that address',
      { sentinels: withOther(waiting, sentinelOf(PODS[2], { ...dead, primaryDown: false })) },
    ],
    [
      'a pod has that address',
      { sentinels: withOther(waiting, sentinelOf(PODS[2], { ...dead, primary: '10.0.0.2:6379' })) },
    ],
  ];
  test.each(doubts)('is none while %s', (_what, more) => {
    expect(after(more)).toEqual({ kind: 'leave' });
  });
});

describe('Sentinel alone elects', () => {
  test('so nothing is decided while any Sentinel watches a primary', () => {
    const sentinels = [sentinelOf(PODS[0], { primary: '10.0.0.9:6379' }), ...blank.slice(1)];
    expect(decide({ nodes: unassigned, sentinels })).toEqual({ kind: 'leave' });
  });
  test('so nothing is decided while a Redis follows somebody', () => {
    const nodes = [...unassigned.slice(1), nodeOf(PODS[0], { role: 'replica', follows: '10.0.0.2:6379' })];
    expect(decide({ nodes })).toEqual({ kind: 'leave' });
  });
  test('so of two primaries the one that a majority names is the primary', () => {
    const nodes = PODS.map((pod) => nodeOf(pod, { role: 'primary' }));
    const sentinels = [
      sentinelOf(PODS[0], { primary: '10.0.0.1:6379' }),
      sentinelOf(PODS[1], { primary: '10.0.0.2:6379' }),
      sentinelOf(PODS[2], { primary: '10.0.0.2:6379' }),
    ];
    expect(judge(wholeRedis({ nodes, sentinels }))).toMatchObject({
      primary: { pod: 'demo-redis-1' },
      elected: '10.0.0.2:6379',
    });
  });
  test('so without a majority nobody is elected', () => {
    const sentinels = PODS.map((pod, i) => sentinelOf(pod, { primary: `10.0.0.${i + 1}:6379` }));
    expect(judge(wholeRedis({ sentinels })).elected).toBeUndefined();
  });
});
