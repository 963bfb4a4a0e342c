import { GHOST_PROOF_MS, judge, STRANDED_PROOF_MS } from '../../../operator/src/redis/index.ts';
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

describe('a conflict', () => {
  const nodes = [nodeOf(PODS[0], { keys: 1 }), nodeOf(PODS[1], { keys: 2 }), nodeOf(PODS[2])];
  const observation = wholeRedis({ sentinels: blank, nodes });
  const idOf = (seen = observation) => {
    const { decision } = judge(seen);
    return decision.kind === 'conflict' ? decision.id : '';
  };
  const answered = (answer: string, seen = observation) => judge(seen, undefined, answer).decision;

  test('is settled by whoever answers it, with the pod that they chose', () => {
    expect(answered(`demo-redis-1@${idOf()}`)).toEqual({
      kind: 'build',
      primary: 'demo-redis-1',
      why: 'chosen',
    });
  });
  test('keeps its name while only the data change', () => {
    const more = nodes.map((node) => ({ ...node, keys: node.keys + 1 }));
    expect(idOf(wholeRedis({ sentinels: blank, nodes: more }))).toBe(idOf());
  });
  test.each([
    ['names another conflict', 'demo-redis-1@00000000'],
    ['names no conflict', 'demo-redis-1'],
    ['names a pod that is not there', `demo-redis-7@${idOf()}`],
  ])('is not settled by an answer that %s', (_what, answer) => {
    expect(answered(answer)).toMatchObject({ kind: 'conflict' });
  });
  test('is not settled by the answer to an earlier one, among pods that were replaced since', () => {
    const replaced = nodes.map((node) => ({ ...node, address: `${node.address}0` }));
    expect(
      answered(`demo-redis-1@${idOf()}`, wholeRedis({ sentinels: blank, nodes: replaced })),
    ).toMatchObject({ kind: 'conflict' });
  });
});

describe('a topology in which nobody may be elected', () => {
  const restarted = PODS.slice(1).map((pod) => nodeOf(pod, { keys: 5, priority: 0 }));
  const sentinels = PODS.map((pod) => sentinelOf(pod, { primary: '10.0.0.1:6379', primaryDown: true }));
  const gone = { ...silentOf(PODS[0]), address: '10.0.0.1:6379' };
  const seen = (nodes: RedisNode[]) => wholeRedis({ sentinels, nodes });
  const after = (strandedMs: number, nodes: RedisNode[] = [gone, ...restarted], answer?: string) =>
    judge(seen(nodes), { ghostMs: 0, strandedMs }, answer).decision;

  test('waits for the primary that holds everything, and then for a person', () => {
    expect(after(STRANDED_PROOF_MS - 1)).toEqual({ kind: 'leave' });
    expect(after(STRANDED_PROOF_MS)).toMatchObject({
      kind: 'conflict',
      why: expect.stringMatching(/wait for demo-redis-0.*demo-redis-1 \(5 keys\), demo-redis-2 \(5 keys\)/),
    });
  });
  test('lets the Sentinels elect the one that the person chose', () => {
    const decision = after(STRANDED_PROOF_MS);
    const id = decision.kind === 'conflict' ? decision.id : '';
    expect(after(STRANDED_PROOF_MS, undefined, `demo-redis-2@${id}`)).toEqual({
      kind: 'nominate',
      pod: 'demo-redis-2',
    });
  });
  test.each<[string, RedisNode[]]>([
    ['the primary answers', [nodeOf(PODS[0], { priority: 0 }), ...restarted]],
    ['somebody may be elected', [gone, restarted[0]!, nodeOf(PODS[2], { priority: 100 })]],
    ['somebody reads its data', [gone, restarted[0]!, nodeOf(PODS[2], { priority: 0, loading: true })]],
  ])('is none while %s', (_what, nodes) => {
    expect(after(STRANDED_PROOF_MS, nodes)).toEqual({ kind: 'leave' });
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
