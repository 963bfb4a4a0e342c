import { silentLogger } from '@hyperpage/runtime';
import {
  createRedisObserver,
  GHOST_PROOF_MS,
  type NodeReading,
  type RedisProbe,
  type SentinelReading,
} from '../../../operator/src/redis/index.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { clusterOf, nodeOf, PODS, sentinelOf } from './fixtures.ts';

const INTERVAL_MS = 5000;
const cluster = clusterOf();
const site = {
  cluster,
  targets: PODS.map((pod, i) => ({ pod, ip: `10.0.0.${i + 1}`, sentinel: true })),
  expected: 3,
  missingAreEmpty: false,
  credentials: { password: 'secret' },
  questions: { settings: [], clients: false },
};
const waiting = sentinelOf(PODS[0], { primary: '10.0.0.9:6379', knows: 0, primaryDown: true });

function world() {
  const clock = new VirtualClock();
  const redis = {
    node: (): Promise<NodeReading> => Promise.resolve(nodeOf(PODS[0])),
    sentinel: (): Promise<SentinelReading> => Promise.resolve(waiting),
  };
  const probe: RedisProbe = {
    node: () => redis.node(),
    sentinel: () => redis.sentinel(),
    external: () => redis.node(),
    close: () => {},
  };
  let changes = 0;
  const onChange = () => void changes++;
  const observer = createRedisObserver({
    probe,
    clock,
    log: silentLogger,
    intervalMs: INTERVAL_MS,
    onChange,
  });
  observer.follow(site);
  const decision = () => observer.get(cluster)?.judgement.decision.kind;
  return { clock, redis, observer, decision, changes: () => changes };
}

describe('a ghost', () => {
  test('is acted on after it was seen in every look for long enough, and the reconciler is called', async () => {
    const { clock, decision, changes } = world();
    await clock.advance(0);
    expect(decision()).toBe('wait');
    await clock.advance(GHOST_PROOF_MS - INTERVAL_MS);
    expect([decision(), changes()]).toEqual(['wait', 1]);
    await clock.advance(INTERVAL_MS);
    expect([decision(), changes()]).toEqual(['build', 2]);
  });
  test('is doubted anew after a look in which it was none', async () => {
    const { clock, redis, decision } = world();
    await clock.advance(INTERVAL_MS - 1);
    redis.sentinel = () => Promise.resolve({ ...waiting, primaryDown: false });
    await clock.advance(INTERVAL_MS);
    expect(decision()).toBe('leave');
    redis.sentinel = () => Promise.resolve(waiting);
    await clock.advance(GHOST_PROOF_MS);
    expect(decision()).toBe('wait');
    await clock.advance(INTERVAL_MS);
    expect(decision()).toBe('build');
  });
});

describe('the first look', () => {
  test('is waited for', async () => {
    const { clock, observer } = world();
    const first = observer.first(cluster, 2000);
    await clock.advance(0);
    expect((await first)?.observation.nodes).toHaveLength(3);
  });
  test('is not waited for longer than asked', async () => {
    const { clock, redis, observer } = world();
    observer.forget('demo/demo');
    redis.node = () => new Promise(() => {});
    observer.follow(site);
    const first = observer.first(cluster, 1000);
    await clock.advance(1000);
    expect(await first).toBeUndefined();
  });
});

describe('a look that takes long', () => {
  test('does not put off the next one', async () => {
    const { clock, redis } = world();
    await clock.advance(0);
    let looks = 0;
    redis.node = async () => {
      looks++;
      await new Promise<void>((resolve) => clock.after(1000, resolve));
      return nodeOf(PODS[0]);
    };
    await clock.advance(3 * INTERVAL_MS);
    expect(looks).toBe(3 * PODS.length);
  });
});

describe('a server that hangs', () => {
  test('is silent after a second and a half, and what the others say is told', async () => {
    const { clock, redis, observer } = world();
    await clock.advance(0);
    redis.node = () => new Promise(() => {});
    redis.sentinel = () => Promise.resolve({ ...waiting, primaryDown: false });
    await clock.advance(INTERVAL_MS + 1500);
    const { nodes = [], sentinels = [] } = observer.get(cluster)?.observation ?? {};
    expect(nodes.map(({ reachable }) => reachable)).toEqual([false, false, false]);
    expect(sentinels).toEqual(
      sentinels.map((one) => expect.objectContaining({ reachable: true, pod: one.pod })),
    );
    expect(sentinels).toHaveLength(3);
  });
});

describe('a look in the middle of a visit', () => {
  test('that finds something new has the cluster visited again', async () => {
    const { clock, redis, observer, changes } = world();
    await clock.advance(0);
    const before = changes();
    redis.sentinel = () => Promise.resolve({ ...waiting, primaryDown: false });
    await observer.look(site);
    expect(changes()).toBe(before + 1);
    await clock.advance(INTERVAL_MS);
    expect(changes()).toBe(before + 1);
  });
});
