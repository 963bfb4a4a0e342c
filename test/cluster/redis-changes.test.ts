/** Planned changes of Redis on real pods: sessions are written and read through each of them, and no request fails. */
import { LABELS, namesOf } from '@hyperpage/contract';
import { until } from '../../dev/demo/tour.ts';
import { OPERATOR_NAMESPACE } from '../../dev/install.ts';
import { startBeside } from './changes-support/beside.ts';
import { EXTERNAL_NAMESPACES, externalSuite } from './changes-support/external-suite.ts';
import { expectUnharmed, Load } from './changes-support/load.ts';
import { OTHER_NAMESPACES, otherSuite } from './changes-support/other-suite.ts';
import {
  becomes,
  createScene,
  incarnations,
  redisPods,
  type Scene,
  sentinelSays,
  settingsOf,
} from './changes-support/scene.ts';
import { STORAGE_NAMESPACES, storageSuite } from './changes-support/storage-suite.ts';
import { enter, type Ground } from './support/ground.ts';
import { operatorPod } from './support/operator.ts';

const NAMESPACES = ['changes', ...STORAGE_NAMESPACES, ...OTHER_NAMESPACES, ...EXTERNAL_NAMESPACES];

let ground: Ground;
let scene: Scene;
let load: Load;

beforeAll(async () => {
  ground = await enter(NAMESPACES);
  scene = await createScene(ground, 'changes');
  await scene.create({ mode: 'Sentinel', storage: { size: '256Mi' } }, { appPods: 2 });
  await scene.settled();
  load = await Load.start(scene);
  startBeside();
});

afterAll(async () => {
  load?.close();
  scene?.close();
  await ground?.leave();
});

const limits = (memory: string, maxMemory: string) => ({
  resources: { limits: { memory } },
  maxMemory,
});

function expectAvailableSince(mark: number): void {
  const told = scene.journal.conditions('RedisAvailable', mark);
  expect(told.filter(({ status }) => status === 'False')).toEqual([]);
}

/** What the topology is after any change: `count` pods that Sentinels and Redis agree on. */
async function expectWhole(one: Scene, count: number): Promise<void> {
  const pods = redisPods(one, count);
  const majority = String(Math.floor(count / 2));
  await becomes(
    'min-replicas-to-write',
    () => settingsOf(one, 'min-replicas-to-write', pods),
    pods.map(() => majority),
  );
  for (const [field, wanted] of [
    ['quorum', String(Math.floor(count / 2) + 1)],
    ['num-other-sentinels', String(count - 1)],
    ['num-slaves', String(count - 1)],
  ] as const) {
    const look = () => Promise.all(pods.map((pod) => sentinelSays(one, pod, field)));
    await becomes(
      field,
      look,
      pods.map(() => wanted),
    );
  }
}

test('what Redis takes live is set live: no pod is restarted', async () => {
  const before = await incarnations(scene);
  await scene.change({ maxMemory: '100mb', config: { 'maxmemory-policy': 'allkeys-lru' } });
  const pods = redisPods(scene);
  await becomes(
    'maxmemory',
    () => settingsOf(scene, 'maxmemory', pods),
    pods.map(() => '104857600'),
  );
  await becomes(
    'policy',
    () => settingsOf(scene, 'maxmemory-policy', pods),
    pods.map(() => 'allkeys-lru'),
  );
  await scene.settled();
  expect(await incarnations(scene)).toEqual(before);
  expectUnharmed(await load.check('live settings'));
});

test('new resources roll the replicas first, then the primary hands over, and a new operator goes on in the middle', async () => {
  const former = await scene.primary();
  const epoch = Number(await sentinelSays(scene, former, 'config-epoch'));
  const mark = scene.journal.mark;
  await scene.change(limits('300Mi', '120mb'));
  const pods = redisPods(scene);
  await becomes(
    'maxmemory',
    () => settingsOf(scene, 'maxmemory', pods),
    pods.map(() => '125829120'),
  );
  await until(
    'the first pod restarted',
    60_000,
    async () => scene.journal.deletions(mark).length || undefined,
  );
  const { name } = await operatorPod(ground);
  await ground.kubectl(['-n', OPERATOR_NAMESPACE, 'delete', 'pod', name, '--wait=false']);
  await scene.settled();
  const deletions = scene.journal.deletions(mark);
  expect(deletions.map(({ pod }) => pod).toSorted()).toEqual(pods);
  expect(deletions.at(-1)?.pod).toBe(former);
  expect(deletions.filter(({ pod, primary }) => pod === primary)).toEqual([]);
  // One hand-over: nobody was elected because somebody had died.
  const handedOver = Number(await sentinelSays(scene, await scene.primary(), 'config-epoch')) - epoch;
  expect(handedOver).toBe(1);
  expectAvailableSince(mark);
  expectUnharmed(await load.check('roll by resources'));
});

test('a HyperpageCluster edited in the middle of a roll ends as it was edited last', async () => {
  const mark = scene.journal.mark;
  await scene.change({ config: { 'maxmemory-policy': 'allkeys-lru', databases: '20' } });
  await until(
    'the first pod restarted',
    60_000,
    async () => scene.journal.deletions(mark).length || undefined,
  );
  await scene.change({ config: { 'maxmemory-policy': 'allkeys-lru', databases: '24' } });
  await scene.settled();
  const pods = redisPods(scene);
  expect(await settingsOf(scene, 'databases', pods)).toEqual(pods.map(() => '24'));
  expectAvailableSince(mark);
  expectUnharmed(await load.check('edit in the middle of a roll'));
});

test('Redis goes from three pods to five and back, also when the primary is one of those that leave', async () => {
  await scene.change({ replicas: 5 });
  await scene.settled();
  await expectWhole(scene, 5);
  expectUnharmed(await load.check('3 to 5'), { cut: true });
  const leaving = redisPods(scene, 5)[4] as string;
  await elect(leaving);
  expect((await load.check('a failover by hand')).lost).toEqual([]);
  const mark = scene.journal.mark;
  await scene.change({ replicas: 3 });
  await scene.settled();
  await expectWhole(scene, 3);
  expect(redisPods(scene)).toContain(await scene.primary());
  const deletions = scene.journal.deletions(mark);
  expect(deletions.map(({ pod }) => pod)).toEqual([leaving, redisPods(scene, 5)[3]]);
  expect(deletions.filter(({ pod, primary }) => pod === primary)).toEqual([]);
  expectAvailableSince(mark);
  expectUnharmed(await load.check('5 to 3'), { cut: true });
});

/** Has Sentinel make `pod` the primary. */
async function elect(pod: string): Promise<void> {
  const name = `hyperpage-${(await scene.cluster()).metadata.uid}`;
  await scene.redis(pod, 'config set replica-priority 1');
  const first = redisPods(scene)[0] as string;
  const priorities = async () => {
    const said = await scene.redis(first, `sentinel replicas ${name}`, { sentinel: true });
    return said.split('\n').filter((_, i, lines) => lines[i - 1] === 'slave-priority');
  };
  await until(
    'the Sentinel to see the priority',
    30_000,
    async () => (await priorities()).includes('1') || undefined,
  );
  // As the operator does: by itself the former primary would take writes that are lost until it is told to follow.
  await scene.redis(await scene.primary(), 'client pause 20000 write');
  await scene.redis(first, `sentinel failover ${name}`, { sentinel: true });
  await until(`${pod} the primary`, 60_000, async () => (await scene.primary()) === pod || undefined);
  await scene.redis(pod, 'config set replica-priority 100');
  await scene.settled();
}

test.each([
  ['written into the Secret that the operator made', undefined],
  ["of the user's own Secret", 'my-password'],
])('a new password %s is taken by everybody, and the old one is refused in the end', async (what, own) => {
  const generated = namesOf(scene.name).redisAuthSecret;
  const stored = await scene.get<{ data: { password: string } }>('secret', generated);
  const former = own ? 'the second "password"' : Buffer.from(stored.data.password, 'base64').toString();
  const next = own ? 'the third password' : 'the second "password"';
  const pods = await everyPod();
  const mark = scene.journal.mark;
  await scene.secret(own ?? generated, { password: next });
  if (own) await scene.change({ authSecretRef: { name: own } });
  await scene.reason('Progressing', 'RotatingCredentials', 60_000);
  await scene.settled();
  for (const pod of redisPods(scene)) {
    for (const sentinel of [false, true]) {
      expect(await scene.redis(pod, 'ping', { password: next, sentinel })).toBe('PONG');
      expect(await scene.redis(pod, 'ping', { password: former, sentinel })).toMatch(/^(AUTH failed|NOAUTH)/);
    }
  }
  expect(await everyPod()).toEqual(pods);
  expectAvailableSince(mark);
  expectUnharmed(await load.check(`password ${what}`));
});

/** The pods of the HyperpageCluster, by what changes when one is replaced. */
async function everyPod(): Promise<string[]> {
  const uids = ['get', 'pods', '-l', LABELS.cluster, '-o', 'jsonpath={.items[*].metadata.uid}'];
  return (await scene.kubectl(uids)).split(' ').toSorted();
}

// These run beside the ones above.
otherSuite(() => ground);
storageSuite(() => ground);
externalSuite(() => ground);
