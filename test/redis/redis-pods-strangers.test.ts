import { eventually } from '../support/eventually.ts';
import { meanwhile } from '../support/meanwhile.ts';
import { type RedisPod, RedisPods } from '../support/redis-pods.ts';

describe('two clusters with the same password whose pods swap addresses', () => {
  let ours: RedisPods;
  let theirs: RedisPods;
  beforeEach(async () => {
    [ours, theirs] = await Promise.all([RedisPods.create(), RedisPods.create()]);
    const primaries = await Promise.all([ours.startWhole(), theirs.startWhole()]);
    await Promise.all([
      primaries[0].writeSafely('whose', 'ours'),
      primaries[1].writeSafely('whose', 'theirs'),
    ]);
  });
  afterEach(() => Promise.all([ours.stop(), theirs.stop()]));

  /** Deletes pods of both and starts the successors at each other's addresses. */
  const swap = async (indexes: number[], volume: 'kept' | 'lost') => {
    const pairs = indexes.map((index) => [ours.pod(index), theirs.pod(index)] as const);
    await Promise.all(pairs.flat().map((pod) => pod.delete({ volume })));
    for (const index of indexes) {
      const [our, their] = [ours.pod(index), theirs.pod(index)];
      await ours.succeed(index, our.successor({ ip: their.ip }));
      await theirs.succeed(index, their.successor({ ip: our.ip }));
    }
    await Promise.all(indexes.flatMap((index) => [ours.pod(index).start(), theirs.pod(index).start()]));
  };

  /** Nobody takes anybody of the other cluster for its own, and no data crossed. */
  const expectApart = async () => {
    for (const [pods, whose] of [
      [ours, 'ours'],
      [theirs, 'theirs'],
    ] as const) {
      const primary = pods.primaryOf(await pods.settle());
      const addresses = pods.pods.map(({ ip }) => ip);
      for (const pod of pods.pods) {
        expect(await pod.redis('GET', 'whose')).toBe(whose);
        if (pod !== primary) expect(await pod.replication('master_host')).toBe(primary.ip);
        const fields = (await pod.sentinel('SENTINEL', 'SENTINELS', pods.primaryName)) as string[][];
        const others = fields.map((each) => each[each.indexOf('runid') + 1]);
        expect(new Set(others).size).toBe(2);
      }
      const { observation } = await pods.look();
      const known = observation.sentinels.flatMap((each) => (each.reachable ? each.replicas : []));
      const up = known.filter(({ down }) => !down).map(({ address }) => address.split(':')[0]);
      expect(addresses).toEqual(expect.arrayContaining(up));
      expect(await primary.replication('connected_slaves')).toBe('2');
    }
  };
  const watchdog = (pod: RedisPod, whose: string) => pod.redis('GET', 'whose').catch(() => whose);

  test('keep apart when replicas swap', async () => {
    await swap([2], 'kept');
    await expectApart();
  });

  test('keep apart when empty replicas swap', async () => {
    await swap([1, 2], 'lost');
    await expectApart();
  });

  test('keep apart when the primaries swap, all the while', async () => {
    await swap([0], 'kept');
    const crossed: unknown[] = [];
    const watching = meanwhile(async () => {
      for (const pod of ours.pods) if ((await watchdog(pod, 'ours')) === 'theirs') crossed.push(pod.name);
      for (const pod of theirs.pods) if ((await watchdog(pod, 'theirs')) === 'ours') crossed.push(pod.name);
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
    await expectApart();
    await watching.stop();
    expect(crossed).toEqual([]);
  });

  test('refuse each other by name, although the password is right', async () => {
    const stranger = ours.pod(1);
    const their = theirs.pod(0);
    await stranger.redis('REPLICAOF', their.ip, '6379');
    await eventually('it tried in vain', async () => {
      const log = (await their.redis('ACL', 'LOG')) as unknown[][];
      return log.some((entry) => entry.includes(ours.primaryName));
    });
    expect(await stranger.redis('GET', 'whose')).toBe('ours');
  });
});
