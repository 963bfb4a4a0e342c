import { nextStep } from '../../../operator/src/redis/index.ts';
import { nodeOf, PODS, sentinelOf, silentOf, timed, wholeRedis } from './fixtures.ts';
import { RedisWorldModel } from './redis-world.ts';

const rolled = () => {
  const world = new RedisWorldModel(3);
  world.revision = 2;
  return world;
};

describe('a whole topology', () => {
  test('is left alone', () => {
    expect(new RedisWorldModel(3).step()).toEqual({ kind: 'rest' });
  });
});

describe('a roll', () => {
  test('restarts replicas first, hands the primary over and restarts it last, one pod at a time', () => {
    const world = rolled();
    expect(world.settle()).toEqual([
      'restart demo-redis-2',
      'restart demo-redis-1',
      'switchOver demo-redis-0',
      'restart demo-redis-0',
    ]);
    expect(world.mostAway).toBe(1);
    expect(world.primaryHurt).toBe(false);
  });

  test('can be broken off after any step and goes on from what it finds', () => {
    for (let steps = 1; steps < 6; steps++) {
      const world = rolled();
      for (let done = 0; done < steps; done++) {
        world.step();
        world.tick();
      }
      world.settle();
      expect(world.pods.every(({ revision }) => revision === 2)).toBe(true);
      expect(world.primaryHurt).toBe(false);
      expect(world.told().filter((step) => step.startsWith('restart'))).toHaveLength(3);
    }
  });

  test('that is overtaken by another change rolls each pod once more at most', () => {
    const world = rolled();
    world.step();
    world.tick();
    world.revision = 3;
    world.settle();
    expect(world.pods.every(({ revision }) => revision === 3)).toBe(true);
    expect(world.primaryHurt).toBe(false);
    expect(world.told().filter((step) => step.startsWith('restart'))).toHaveLength(4);
  });

  test('waits for what goes first, and says for what', () => {
    const world = rolled();
    world.first = 'the app is rolled first';
    expect(world.step()).toEqual({ kind: 'wait', task: 'rolling', why: 'the app is rolled first' });
  });

  test('goes no further while the pod just restarted is not ready', () => {
    const world = rolled();
    world.step();
    expect(world.step()).toEqual({ kind: 'wait', task: 'rolling', why: 'demo-redis-2 is not ready' });
  });

  test('with a template that cannot start stops at the first pod, and ends with the next template', () => {
    const world = rolled();
    world.step();
    for (const pod of world.pods) if (pod.revision === 2) Object.assign(pod, { broken: true, ready: false });
    expect(world.step()).toMatchObject({ kind: 'wait' });
    world.revision = 3;
    expect(world.step()).toMatchObject({ kind: 'restart', pod: 'demo-redis-2' });
    world.tick();
    world.settle();
    expect(world.pods.every(({ revision }) => revision === 3)).toBe(true);
    expect(world.primaryHurt).toBe(false);
  });
});

describe('scaling', () => {
  test('up raises the quorum at once, before the new Sentinels join', () => {
    const world = new RedisWorldModel(3);
    world.wanted = 5;
    world.running = 5;
    expect([0, 1, 2].map(() => world.step())).toEqual(
      PODS.map((pod) => ({ kind: 'setQuorum', pod, quorum: 3 })),
    );
    world.tick();
    world.tick();
    expect(world.settle()).toEqual(['setQuorum demo-redis-3', 'setQuorum demo-redis-4']);
  });

  test('down removes one pod at a time, and none as the primary', () => {
    const world = new RedisWorldModel(5);
    for (const pod of world.pods) pod.quorum = 3;
    world.primary = 4;
    world.wanted = 3;
    const told = world.settle();
    expect(told.slice(0, 4)).toEqual([
      'prefer demo-redis-3',
      'switchOver demo-redis-4',
      'prefer demo-redis-4',
      'shrink',
    ]);
    expect(told.filter((step) => step === 'shrink')).toHaveLength(2);
    // Between the two the Sentinels have forgotten the first.
    expect(told.indexOf('forget demo-redis-0')).toBeLessThan(told.lastIndexOf('shrink'));
    expect(world.primaryHurt).toBe(false);
    expect(world.running).toBe(3);
    expect(world.pods.every(({ quorum }) => quorum === 2)).toBe(true);
  });

  test('down takes no second pod on the word of a look from before the first was removed', () => {
    const world = new RedisWorldModel(5);
    for (const pod of world.pods) Object.assign(pod, { quorum: 3, priority: 0 });
    world.wanted = 3;
    const seen = world.view().redis;
    expect(world.step()).toEqual({ kind: 'shrink', to: 4 });
    expect(nextStep({ ...world.view(), redis: seen })).toMatchObject({ kind: 'wait', task: 'scaling' });
  });

  test('down that is taken back makes the pods electable again', () => {
    const world = new RedisWorldModel(5);
    for (const pod of world.pods) pod.quorum = 3;
    world.wanted = 3;
    world.step();
    world.wanted = 5;
    expect(world.settle()).toEqual(['prefer demo-redis-3']);
    expect(world.pods.every(({ priority }) => priority === 100)).toBe(true);
  });
});

describe('settings that Redis takes live', () => {
  test('are set on every pod, and no pod is restarted', () => {
    const world = new RedisWorldModel(3);
    world.settings = { maxmemory: '256mb' };
    expect(world.settle()).toEqual(PODS.map((pod) => `tune ${pod}`));
  });
  test('are set although the topology is not whole', () => {
    const world = new RedisWorldModel(3);
    world.settings = { maxmemory: '256mb' };
    world.pods[2]!.ready = false;
    expect(world.step()).toMatchObject({ kind: 'tune', pod: 'demo-redis-0' });
  });
  test('that depend on how many pods there are wait until they are there', () => {
    const world = new RedisWorldModel(3);
    world.settings = { 'min-replicas-to-write': '2' };
    for (const pod of world.pods) pod.settings = { 'min-replicas-to-write': '1' };
    world.pods[2]!.ready = false;
    expect(world.step()).toEqual({ kind: 'rest' });
    world.tick();
    expect(world.step()).toMatchObject({ kind: 'tune' });
  });
});

describe('what Sentinels remember of pods that are gone', () => {
  test('is forgotten only when it has been seen long enough', () => {
    const world = new RedisWorldModel(3);
    world.gone = ['10.9.9.9:6379'];
    expect(world.step()).toEqual({ kind: 'rest' });
    world.strangersMs = 60_000;
    expect(world.step()).toEqual({ kind: 'forget', pod: 'demo-redis-0' });
  });
  test('is forgotten by one Sentinel at a time', () => {
    const strangers = [{ address: '10.9.9.9:6379', down: true, priority: 100 }];
    const learning = sentinelOf(PODS[0], { primary: '10.0.0.1:6379', knows: 0, replicas: [] });
    const remembering = PODS.slice(1).map((pod) =>
      sentinelOf(pod, { primary: '10.0.0.1:6379', replicas: strangers }),
    );
    const world = new RedisWorldModel(3);
    const redis = { ...timed(wholeRedis({ sentinels: [learning, ...remembering] })), strangersMs: 60_000 };
    expect(nextStep({ ...world.view(), redis })).toEqual({ kind: 'rest' });
  });
});

describe('no pod is restarted on purpose', () => {
  const [first, second, third] = wholeRedis().nodes as [never, never, never];
  const follows = { role: 'replica' as const, follows: '10.0.0.1:6379' };
  const refusing = nodeOf(PODS[0], { role: 'primary', connectedReplicas: 2, refuses: 'full' });
  const lagging = nodeOf(PODS[0], { role: 'primary', connectedReplicas: 2, slowestReplicaSeconds: 9 });
  const sentinels = (more: object) => [
    ...wholeRedis().sentinels.slice(0, 2),
    { ...wholeRedis().sentinels[2]!, ...more } as ReturnType<typeof sentinelOf>,
  ];
  test.each<[string, Parameters<typeof wholeRedis>[0]]>([
    ['a Redis does not answer', { nodes: [first, second, silentOf(PODS[2])] }],
    ['a replica reads its data', { nodes: [first, second, nodeOf(PODS[2], { ...follows, loading: true })] }],
    ['the link of a replica is down', { nodes: [first, second, nodeOf(PODS[2], follows)] }],
    ['a replica is unassigned', { nodes: [first, second, nodeOf(PODS[2])] }],
    ['the primary refuses writes', { nodes: [refusing, second, third] }],
    ['a replica lags', { nodes: [lagging, second, third] }],
    ['a Sentinel does not answer', { sentinels: [...sentinels({}).slice(0, 2), silentOf(PODS[2])] }],
    ['a Sentinel knows too few others', { sentinels: sentinels({ knows: 1 }) }],
    ['a Sentinel does not know a replica', { sentinels: sentinels({ replicas: [] }) }],
    ['a failover is under way', { sentinels: sentinels({ failingOver: true }) }],
  ])('while %s', (_what, more) => {
    const world = rolled();
    const redis = timed(wholeRedis(more));
    expect(nextStep({ ...world.view(), redis })).toMatchObject({ kind: 'wait', task: 'rolling' });
  });
  test('while nobody has looked lately', () => {
    const redis = timed(wholeRedis(), true);
    expect(nextStep({ ...rolled().view(), redis })).toMatchObject({ kind: 'wait' });
  });
});

test('a Redis that stands alone is restarted when its template changes', () => {
  const world = rolled();
  const alone = { ...world.view(), mode: 'Standalone' as const, running: 1, wanted: 1 };
  const pods = alone.pods.slice(0, 1);
  const redis = timed({ ...wholeRedis(), expected: 1, nodes: wholeRedis().nodes.slice(0, 1), sentinels: [] });
  expect(nextStep({ ...alone, pods, redis, settings: {} })).toMatchObject({
    kind: 'restart',
    pod: 'demo-redis-0',
  });
});
