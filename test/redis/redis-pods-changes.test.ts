import { eventually } from '../support/eventually.ts';
import { RedisPods } from '../support/redis-pods.ts';

describe('what may change about Redis pods', () => {
  let pods: RedisPods;
  afterEach(() => pods.stop());
  const setting = async (index: number, name: string) => {
    const [, value] = (await pods.pod(index).redis('CONFIG', 'GET', name)) as string[];
    return value;
  };

  test('settings.conf holds at the next start, whatever the scripts would have', async () => {
    const settings =
      'maxmemory 256mb\nappendfsync always\nmin-replicas-to-write 2\nmaxmemory-policy allkeys-lru\ntimeout 77';
    pods = await RedisPods.create({ settings });
    await pods.startWhole();
    expect(await setting(0, 'maxmemory')).toBe(String(256 * 1024 * 1024));
    expect(await setting(0, 'appendfsync')).toBe('always');
    expect(await setting(0, 'min-replicas-to-write')).toBe('2');
    expect(await setting(0, 'maxmemory-policy')).toBe('allkeys-lru');
    expect(await setting(0, 'timeout')).toBe('77');
  });

  test('without settings.conf Redis starts as it did before there was one', async () => {
    pods = await RedisPods.create();
    await pods.startWhole();
    expect(await setting(0, 'appendfsync')).toBe('everysec');
    expect(await setting(0, 'min-replicas-to-write')).toBe('1');
  });

  test('a Redis that was alone becomes the first primary of three, with its data', async () => {
    pods = await RedisPods.create({ mode: 'Standalone', replicas: 1 });
    const [alone] = pods.pods;
    await alone?.start();
    const written = () => alone?.redis('SET', 'kept', 'yes').catch(() => undefined);
    expect(await eventually('it takes a write', written)).toBe('OK');
    expect(await alone?.probe('ready')).toBe(true);
    expect(await alone?.accepted(6379)).toHaveLength(1);
    await alone?.redis('SHUTDOWN').catch(() => {});
    await alone?.delete({ volume: 'kept' });
    pods.setMode('Sentinel');
    await pods.succeed(0, pods.pod(0).successor({ mode: 'Sentinel' }));
    for (let more = 0; more < 2; more++) await pods.add();
    const primary = await pods.startWhole();
    expect(primary).toBe(pods.pod(0));
    for (const pod of pods.pods) expect(await pod.redis('GET', 'kept')).toBe('yes');
  });

  test('a Redis that was alone gives way to the primary that the Sentinels name', async () => {
    pods = await RedisPods.create();
    const primary = await pods.startWhole();
    await primary.writeSafely('kept', 'yes');
    const index = pods.pods.findIndex((pod) => pod !== primary);
    const pod = pods.pod(index);
    await pod.delete({ volume: 'kept' });
    const alone = await pods.succeed(index, pod.successor({ mode: 'Standalone' }));
    await alone.start();
    await eventually('it takes a write', () => alone.redis('SET', 'apart', 'yes').catch(() => undefined));
    await alone.delete({ volume: 'kept' });
    await (await pods.succeed(index, pod.successor({ mode: 'Sentinel' }))).start();
    expect(pods.primaryOf(await pods.settle())).toBe(primary);
    expect(await pods.pod(index).redis('MGET', 'kept', 'apart')).toEqual(['yes', null]);
  });

  test('their number, from three to five and back', async () => {
    pods = await RedisPods.create();
    const primary = await pods.startWhole();
    await primary.writeSafely('kept', 'yes');
    for (let more = 0; more < 2; more++) await (await pods.add()).start();
    expect(pods.primaryOf(await pods.settle())).toBe(primary);
    await primary.writeSafely('five', 'yes', 4);
    // Two of five may be gone: the other three still elect.
    for (let less = 0; less < 2; less++) await pods.remove();
    for (const { sentinel } of pods.pods) await sentinel('SENTINEL', 'RESET', pods.primaryName);
    await eventually(
      'three are whole again',
      async () => {
        const { observation } = await pods.look();
        return observation.sentinels.every((each) => each.reachable && each.knows === 2);
      },
      { everyMs: 200 },
    );
    await primary.killRedis();
    await primary.startRedis();
    const next = pods.primaryOf(await pods.settle());
    expect(await next.redis('MGET', 'kept', 'five')).toEqual(['yes', 'yes']);
  });

  test('five hand over on purpose: the new primary has a majority with it when the operator is done', async () => {
    pods = await RedisPods.create({ replicas: 5, settings: 'min-replicas-to-write 2' });
    let primary = await pods.startWhole();
    await primary.writeSafely('kept', 'yes', 4);
    for (let times = 0; times < 3; times++) {
      // Sentinel refuses one that it has not asked yet how far it is.
      const next = await eventually('it hands over', () => pods.handOver().catch(() => undefined));
      expect(next).not.toBe(primary);
      const { judgement } = await pods.look();
      expect(judgement.primary).toMatchObject({ pod: next.name, connectedReplicas: 4 });
      expect(judgement.primary?.refuses).toBeUndefined();
      expect(await next.redis('SET', 'after', String(times))).toBe('OK');
      primary = next;
      await pods.settle();
    }
  });
});
