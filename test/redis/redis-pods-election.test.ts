import { eventually } from '../support/eventually.ts';
import { meanwhile } from '../support/meanwhile.ts';
import { type RedisPod, RedisPods } from '../support/redis-pods.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sentinel's `down-after-milliseconds` and an election, with room. */
const FAILOVER_MS = 12_000;

describe('whom Sentinel may elect', () => {
  let pods: RedisPods;
  let primary: RedisPod;
  const replicas = () => pods.pods.filter((pod) => pod !== primary);
  const priority = async (pod: RedisPod) => {
    const [, value] = (await pod.redis('CONFIG', 'GET', 'replica-priority')) as string[];
    return value;
  };

  beforeEach(async () => {
    pods = await RedisPods.create();
    primary = await pods.startWhole();
  });
  afterEach(() => pods.stop());

  test('everybody once it has synchronised, and the primary, and nobody before', async () => {
    await eventually('all are electable', async () => {
      const priorities = await Promise.all(pods.pods.map(priority));
      return priorities.every((each) => each === '100');
    });
    const [replica] = replicas() as [RedisPod];
    await primary.hang();
    await replica.killRedis();
    await replica.startRedis();
    const answered = await eventually('it answers', () => priority(replica).catch(() => undefined));
    expect(answered).toBe('0');
  });

  test('never a replica that came back empty, even if it is the only one left for a while', async () => {
    const [empty, other] = replicas() as [RedisPod, RedisPod];
    await primary.writeSafely('kept', 'yes');
    await eventually('it is electable', async () => (await priority(empty)) === '100');
    await other.delete({ volume: 'kept' });
    // So that no Sentinel sees it synchronised again.
    await primary.killRedis();
    await empty.delete({ volume: 'lost' });
    await empty.start();
    await other.startSentinel();
    await pause(FAILOVER_MS);
    const { judgement } = await pods.look();
    expect(judgement.primaries).toEqual([]);
    await primary.startRedis();
    await other.startRedis();
    const after = pods.primaryOf(await pods.settle());
    expect(after).not.toBe(empty);
    expect(await empty.redis('GET', 'kept')).toBe('yes');
  });

  test('also with a Sentinel that began on a primary which was dead already', async () => {
    const [first, second] = replicas() as [RedisPod, RedisPod];
    const watch = async (pod: RedisPod, port: string) => {
      await pod.sentinel('SENTINEL', 'REMOVE', pods.primaryName);
      await pod.sentinel('SENTINEL', 'MONITOR', pods.primaryName, primary.ip, port, '2');
      await pod.sentinel('SENTINEL', 'SET', pods.primaryName, 'down-after-milliseconds', '1000');
    };
    // They ask each other first: what they say of a dead one must not count. Nobody knows of them, nor they of anybody.
    const NOTHING_LISTENS = '1';
    await Promise.all([
      watch(first, NOTHING_LISTENS),
      watch(second, NOTHING_LISTENS),
      watch(primary, '6379'),
    ]);
    for (const pod of [first, second]) {
      await eventually('it knows the primary and the others', async () => {
        const [fields = []] = (await pod.sentinel('SENTINEL', 'MASTERS')) as string[][];
        const field = (name: string) => fields[fields.indexOf(name) + 1];
        return field('port') === '6379' && field('num-other-sentinels') === '2';
      });
    }
  });

  test('not again a pod to which the operator gave priority 0, nor one that is no longer listed', async () => {
    const [unwanted, unlisted] = replicas() as [RedisPod, RedisPod];
    await eventually('it is electable', async () => (await priority(unwanted)) === '100');
    await unwanted.redis('CONFIG', 'SET', 'replica-priority', '0');
    await pods.resolve(pods.pods.filter((pod) => pod !== unlisted));
    await unlisted.killRedis();
    await unlisted.startRedis();
    await pods.settle();
    await pause(7000);
    expect([await priority(unwanted), await priority(unlisted)]).toEqual(['0', '0']);
  });

  test('another when the primary hangs, which follows when it wakes, with every write that a replica confirmed', async () => {
    const writer = primary.connect();
    const confirmed: string[] = [];
    let number = 0;
    const writing = meanwhile(async () => {
      await writer.set(`key:${++number}`, 'yes');
      if ((await writer.call('WAIT', '1', '1000')) !== 0) confirmed.push(`key:${number}`);
    });
    await eventually('some writes are confirmed', () => confirmed.length > 100);
    const wake = await primary.hang();
    const next = await pods.primaryAmong(replicas());
    wake();
    writer.disconnect();
    await writing.stop().catch(() => {});
    await pods.settle();
    expect(await primary.redis('ROLE')).toContain('slave');
    for (const pod of [next, primary]) expect(await pod.redis('EXISTS', ...confirmed)).toBe(confirmed.length);
  });
});

describe('a primary that crashed', () => {
  let pods: RedisPods;
  afterEach(() => pods.stop());
  const start = async (fsync: 'always' | 'everysec') => {
    pods = await RedisPods.create({
      settings: `appendfsync ${fsync}\nmin-replicas-to-write 1\nmin-replicas-max-lag 10`,
    });
    return pods.startWhole();
  };

  test('does not take up before its replicas when its file may lack what they have', async () => {
    const primary = await start('everysec');
    await primary.writeSafely('kept', 'yes');
    await primary.killRedis();
    await primary.startRedis();
    const next = await pods.primaryAmong(pods.pods.filter((pod) => pod !== primary));
    await pods.settle();
    expect(await next.redis('GET', 'kept')).toBe('yes');
    expect(await primary.redis('ROLE')).toContain('slave');
  });

  test('takes up at once when its file holds all', async () => {
    const primary = await start('always');
    await primary.writeSafely('kept', 'yes');
    await primary.killRedis();
    await primary.startRedis();
    await pause(FAILOVER_MS);
    expect(pods.primaryOf(await pods.settle())).toBe(primary);
  });

  test('takes up when all were killed at once, in twenty seconds, and nothing acknowledged is lost', async () => {
    const primary = await start('always');
    const acknowledged = await killAllWhileWriting(primary);
    const startedMs = performance.now();
    await Promise.all(pods.pods.map((pod) => pod.startRedis()));
    await primary.writeSafely('after', 'yes', 1);
    expect(performance.now() - startedMs).toBeLessThan(20_000);
    expect(await primary.redis('EXISTS', ...acknowledged)).toBe(acknowledged.length);
  });

  test('takes up in twenty seconds also when its file may lack something but all were killed', async () => {
    const primary = await start('everysec');
    await primary.writeSafely('kept', 'yes');
    await pause(1500);
    await Promise.all(pods.pods.map((pod) => pod.killRedis()));
    const startedMs = performance.now();
    await Promise.all(pods.pods.map((pod) => pod.startRedis()));
    await primary.writeSafely('after', 'yes', 1);
    expect(performance.now() - startedMs).toBeLessThan(20_000);
    expect(await primary.redis('GET', 'kept')).toBe('yes');
  });

  async function killAllWhileWriting(primary: RedisPod): Promise<string[]> {
    const writer = primary.connect();
    const acknowledged: string[] = [];
    let number = 0;
    const writing = meanwhile(async () => {
      await writer.set(`key:${++number}`, 'yes');
      acknowledged.push(`key:${number}`);
    });
    await eventually('some writes are acknowledged', () => acknowledged.length > 100);
    await Promise.all(pods.pods.map((pod) => pod.killRedis()));
    writer.disconnect();
    await writing.stop().catch(() => {});
    return acknowledged;
  }
});
