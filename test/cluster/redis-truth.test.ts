/** Silence: where all is well nobody writes anything, neither to Redis and Sentinel nor to the API server; also when the
 *  operator was away through a failover. HYPERPAGE_QUIET_SECONDS says for how long that is watched. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { HyperpageCluster } from '@hyperpage/contract';
import { until } from '../../dev/demo/tour.ts';
import { enter, type Ground, operatorLog, progress } from './support/ground.ts';
import { manifestOf } from './support/manifest.ts';
import { changedObjects, type Objects, objectsOf } from './support/objects.ts';
import { scaleOperator } from './support/operator.ts';
import { apiWrites, type Recorded, recordedOrders, unexpectedWrites } from './support/orders.ts';

const QUIET_MS = Number(process.env['HYPERPAGE_QUIET_SECONDS'] ?? 120) * 1000;
const SETTLE_MS = 300_000;
/** Objects that nobody has written for so long are settled: kubelet and the controllers have told all they had to. */
const CALM_MS = 10_000;
/** Nothing happens to it but what the operator does. */
const UNTOUCHED = 'redis-quiet';
/** Its primary hangs, and another is elected, while there is no operator. */
const HEALED = 'redis-healed';
const CLUSTERS = [UNTOUCHED, HEALED];

interface Seen {
  objects: Objects;
  orders: Recorded[];
  status: string;
}

let ground: Ground;
let orderedBefore: Recorded[];
const before = new Map<string, Seen>();
const after = new Map<string, Seen>();
let writesBefore: Map<string, number>;
let writesAfter: Map<string, number>;
let log: Array<{ msg?: string }>;

beforeAll(
  async () => {
    ground = await enter(CLUSTERS);
    await ground.kubectl(['apply', '-f', '-'], {
      input: manifestOf({ name: UNTOUCHED, appPods: 2, storage: '256Mi', scaleTo: 2 }),
    });
    await ground.kubectl(['apply', '-f', '-'], { input: manifestOf({ name: HEALED, appPods: 1 }) });
    await Promise.all(CLUSTERS.map((name) => whole(name)));
    const operatorBeganMs = await failOverWithoutOperator();
    await settled();
    progress.say(`  all is settled, and is watched for ${QUIET_MS / 1000} s`);
    await look(before);
    writesBefore = await apiWrites(ground);
    await sleep(QUIET_MS);
    writesAfter = await apiWrites(ground);
    await look(after);
    log = await operatorLog(ground, operatorBeganMs);
  },
  SETTLE_MS + QUIET_MS + 200_000,
);

afterAll(async () => {
  await ground?.leave();
});

const clusterNamed = (name: string) =>
  ground.kubectl.json<HyperpageCluster>(['-n', name, 'get', 'hyperpagecluster', name]);

const primaryOf = async (name: string) => (await clusterNamed(name)).status?.redis?.primary;

/** Waits until the status says that nothing is missing and nothing is under way. */
const whole = (name: string, primaryIsNot?: string) =>
  until(`${name} whole`, SETTLE_MS, async () => {
    const { status } = await clusterNamed(name);
    const is = (type: string, value: string) =>
      status?.conditions?.some((one) => one.type === type && one.status === value);
    const healthy = is('Ready', 'True') && is('Degraded', 'False') && is('Progressing', 'False');
    if (healthy && status?.redis?.primary !== primaryIsNot) return true;
    throw new Error(JSON.stringify(status));
  });

/** What a pod's Redis or Sentinel answers. */
const saidTo = (namespace: string, pod: string, container: string, port: number, words: string) => {
  const cli = `REDISCLI_AUTH=$(cat /run/secrets/hyperpage/redis/password) redis-cli -h "$POD_IP" -p ${port}`;
  return ground.kubectl(['-n', namespace, 'exec', pod, '-c', container, '--', 'sh', '-c', `${cli} ${words}`]);
};

/** Waits until another Redis than `former` takes writes: an election that is drawn is held again. */
const succeeded = (name: string, former: string) =>
  until(`another primary than ${former}`, 60_000, async () => {
    const others = [0, 1, 2].map((i) => `${name}-redis-${i}`).filter((pod) => pod !== former);
    const roles = await Promise.all(others.map((pod) => saidTo(name, pod, 'redis', 6379, 'ROLE')));
    return roles.some((role) => role.startsWith('master')) || undefined;
  });

/** Gives when the operator was started again. */
async function failOverWithoutOperator(): Promise<number> {
  const former = (await primaryOf(HEALED)) as string;
  await scaleOperator(ground, 0);
  const target = { namespace: HEALED, pod: former, container: 'redis' };
  await ground.cluster.faults.pauseContainer(target);
  await succeeded(HEALED, former);
  await ground.cluster.faults.resumeContainer(target);
  // The agents and Sentinels send orders of their own until all follow the new primary.
  orderedBefore = await until('nobody orders anything in the healed topology', 90_000, async () => {
    const first = await recordedOrders(ground, HEALED);
    await sleep(CALM_MS);
    const second = await recordedOrders(ground, HEALED);
    return JSON.stringify(first) === JSON.stringify(second) ? second : undefined;
  });
  const beganMs = Date.now();
  await scaleOperator(ground, 1);
  await whole(HEALED, former);
  return beganMs;
}

/** Waits until every object of both namespaces has been left alone for a while. */
async function settled(): Promise<void> {
  await until('objects that nobody writes', SETTLE_MS, async () => {
    const first = await Promise.all(CLUSTERS.map((name) => objectsOf(ground, name)));
    await sleep(CALM_MS);
    const second = await Promise.all(CLUSTERS.map((name) => objectsOf(ground, name)));
    const changed = first.flatMap((objects, i) => changedObjects(objects, second[i] as Objects));
    return changed.length === 0 ? true : undefined;
  });
}

async function look(into: Map<string, Seen>): Promise<void> {
  for (const name of CLUSTERS) {
    into.set(name, {
      objects: await objectsOf(ground, name),
      orders: await recordedOrders(ground, name),
      status: JSON.stringify((await clusterNamed(name)).status),
    });
  }
}

const at = (when: Map<string, Seen>, name: string) => when.get(name) as Seen;

test.each(CLUSTERS)('in %s nobody writes an object but Leases, and the status stays as it is', (name) => {
  expect(at(before, name).objects.size).toBeGreaterThan(20);
  expect(changedObjects(at(before, name).objects, at(after, name).objects)).toEqual([]);
  expect(at(after, name).status).toBe(at(before, name).status);
});

test('the API server is not even asked to write what would change nothing', () => {
  expect(writesBefore.size).toBeGreaterThan(20);
  expect(unexpectedWrites(writesBefore, writesAfter)).toEqual([]);
});

test.each(CLUSTERS)('in %s no order reaches a Redis or a Sentinel', (name) => {
  expect(at(after, name).orders).toEqual(at(before, name).orders);
});

test('an operator that was away through a failover gives no order when it is back', () => {
  expect(at(after, HEALED).orders).toEqual(orderedBefore);
  // Sentinel's own orders in that failover were recorded: the record is not empty for want of hearing.
  expect(orderedBefore.some(({ calls }) => (calls['slaveof'] ?? 0) + (calls['replicaof'] ?? 0) > 0)).toBe(
    true,
  );
  expect(log.map(({ msg }) => msg)).toContain('became leader');
  expect(log.filter(({ msg }) => msg === 'tending redis')).toEqual([]);
});

test.each([
  ['redis', 6379, 'CONFIG SET maxmemory-samples 5'],
  ['sentinel', 26379, 'SENTINEL SET "$PRIMARY_NAME" parallel-syncs 8'],
])('an order to %s would be seen, also one that changes nothing', async (container, port, order) => {
  const earlier = await recordedOrders(ground, UNTOUCHED);
  const pod = `${UNTOUCHED}-redis-1`;
  await saidTo(UNTOUCHED, pod, container, port, order);
  const later = await recordedOrders(ground, UNTOUCHED);
  expect(later.filter((one, i) => JSON.stringify(one) !== JSON.stringify(earlier[i]))).toMatchObject([
    { pod },
  ]);
});

test('a write to an object would be seen, also one that changes nothing', async () => {
  const earlier = await objectsOf(ground, UNTOUCHED);
  const writes = await apiWrites(ground);
  const label = ['-n', UNTOUCHED, 'label', '--overwrite', 'configmap', `${UNTOUCHED}-redis`];
  await ground.kubectl([...label, 'hyperpage.dev/test=1']);
  await ground.kubectl([...label, 'hyperpage.dev/test=1']);
  expect(changedObjects(earlier, await objectsOf(ground, UNTOUCHED))).toContain(
    `ConfigMap/${UNTOUCHED}-redis`,
  );
  expect(unexpectedWrites(writes, await apiWrites(ground)).join()).toContain('configmaps');
});
