import { createKubeHttp, type KubeHttp, silentLogger, systemClock } from '@hyperpage/runtime';
import {
  type Change,
  createObjectClient,
  createReflector,
  type Manifest,
  type ObjectClient,
  type Reflector,
  type WatchEnd,
} from '../../operator/src/kube/index.ts';
import { type ApiServer, freshNamespace, startApiServer } from '../support/apiserver.ts';
import { eventually } from '../support/eventually.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';

const SEEDS = (process.env['SEED'] ?? '1,5,8').split(',').map(Number);

/** Numbers in [0, 1) that the same seed gives again (xorshift32). */
const randomOf = (seed: number) => {
  let state = seed * 2654435761;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
};

describe('reflector and an API server of its own', () => {
  let server: ApiServer;
  let http: KubeHttp;
  let objects: ObjectClient;
  let proxy: FaultProxy;
  let proxied: KubeHttp;
  let namespace: string;
  let reflector: Reflector<'ConfigMap'>;
  let ends: WatchEnd[];
  let told: Map<string, string>;

  beforeAll(async () => {
    // Without the watch cache a watch reads etcd itself, and a compacted version is gone at once.
    server = await startApiServer({ args: ['--watch-cache-sizes=configmaps#0'] });
    http = createKubeHttp(server.endpoint);
    objects = createObjectClient(http);
  });
  afterAll(async () => {
    http.close();
    await server.stop();
  });

  beforeEach(async () => {
    proxy = await startFaultProxy(server.endpoint);
    proxied = createKubeHttp(proxy.endpoint);
    namespace = await freshNamespace(http, 'outage');
    ends = [];
    told = new Map();
    reflector = createReflector({
      http: proxied,
      kind: 'ConfigMap',
      namespace,
      clock: systemClock,
      random: Math.random,
      log: silentLogger,
      stallMs: 500,
      pageSize: 200,
      backoff: { baseMs: 20, maxMs: 300 },
      observer: { ended: (_kind, end) => ends.push(end) },
    });
    reflector.onChange(note);
  });
  afterEach(async () => {
    await reflector.stop();
    proxied.close();
    await proxy.stop();
  });

  /** Follows what the listeners are told, and refuses what cannot be. */
  const note = ({ type, object }: Change<'ConfigMap'>) => {
    const { name, uid } = object.metadata;
    const known = told.get(name);
    if (known !== (type === 'added' ? undefined : uid)) throw new Error(`${type} of ${name} cannot be`);
    if (type === 'deleted') told.delete(name);
    else told.set(name, uid);
  };

  const configMap = (name: string, value: string): Manifest<'ConfigMap'> => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name },
    data: { value },
  });
  const put = (name: string, value = '') => objects.apply(configMap(name, value));
  const remove = (name: string) => objects.delete('ConfigMap', { namespace, name });
  const putMany = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => put(`many-${i}`)));

  const expectTruth = async () => {
    const truth = await objects.list('ConfigMap', { namespace });
    const versions = truth
      .map(({ metadata }) => metadata.resourceVersion)
      .toSorted()
      .join();
    await eventually('the cache equals the truth', () => {
      const seen = reflector.cache.list().map(({ metadata }) => metadata.resourceVersion);
      return seen.toSorted().join() === versions;
    });
    const byName = ([a]: [string, string], [b]: [string, string]) => (a < b ? -1 : 1);
    const uids = truth.map(({ metadata }): [string, string] => [metadata.name, metadata.uid]);
    expect([...told].toSorted(byName)).toEqual(uids.toSorted(byName));
  };

  test('an API server that is killed and comes back is followed on', async () => {
    await putMany(20);
    reflector.start();
    await reflector.synced();
    await server.kill();
    await eventually('it tries and fails', () => ends.length >= 3);
    await server.start();
    await remove('many-3');
    await remove('many-4');
    await put('many-4', 'anew');
    await expectTruth();
  });

  test('a version that etcd has compacted away makes one new list, and no deletion is missed', async () => {
    await putMany(20);
    reflector.start();
    await reflector.synced();
    await eventually('a watch is open', () => proxy.watches === 1);
    proxy.down();
    for (let i = 0; i < 10; i++) await remove(`many-${i}`);
    await remove('many-15');
    await put('many-15', 'anew');
    await server.compact();
    proxy.up();
    await expectTruth();
    expect(ends.filter((end) => end === 'expired')).toHaveLength(1);
    expect(proxy.count('list')).toBe(2);
  });

  test('1,000 objects are listed in pages and followed while they change', async () => {
    await putMany(1000);
    reflector.start();
    await reflector.synced();
    expect(reflector.cache.size).toBe(1000);
    expect(proxy.count('list')).toBe(5);
    await Promise.all(Array.from({ length: 300 }, (_, i) => remove(`many-${i}`)));
    await Promise.all(Array.from({ length: 300 }, (_, i) => put(`many-${i + 200}`, 'changed')));
    await expectTruth();
    expect(proxy.count('list')).toBe(5);
  });

  test.each(SEEDS)(
    'whatever goes wrong while objects come and go, the truth is reached (seed %d)',
    async (seed) => {
      const random = randomOf(seed);
      const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
      const faults: readonly Fault[] = [
        'reset',
        'silence',
        { answer: 500 },
        { answer: 410, reason: 'Expired' },
        { answer: 429, retryAfterS: 0 },
        { answer: 200, body: 'garbage\n' },
        { delayMs: 50 },
      ];
      const troubles: ReadonlyArray<() => unknown> = [
        () => proxy.inject('watch', pick(faults), 2),
        () => proxy.inject('list', pick(faults.filter((fault) => fault !== 'silence')), 2),
        () => proxy.resetWatches(),
        () => proxy.endWatches(),
        () => proxy.silenceWatches(),
        () => proxy.writeIntoWatches('}{\n'),
        () => server.compact(),
        () => proxy.down(),
        () => proxy.up(),
      ];
      await putMany(10);
      reflector.start();
      await reflector.synced();
      for (let round = 0; round < 150; round++) {
        const name = `many-${Math.floor(random() * 20)}`;
        if (random() < 0.2) await pick(troubles)();
        if (random() < 0.4) await remove(name);
        else await put(name, String(round));
      }
      proxy.up();
      await expectTruth();
    },
  );
});
