import { createKubeHttp, type KubeHttp, silentLogger, systemClock } from '@hyperpage/runtime';
import {
  type Change,
  createObjectClient,
  createReflector,
  type Manifest,
  type ObjectClient,
  type Reflector,
  type ReflectorOptions,
  type WatchEnd,
} from '../../operator/src/kube/index.ts';
import { freshNamespace, sharedApiServer } from '../support/apiserver.ts';
import { eventually } from '../support/eventually.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';

const configMap = (namespace: string, name: string, value = '', labels = {}): Manifest<'ConfigMap'> => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name, labels },
  data: { value },
});

describe('reflector', () => {
  let http: KubeHttp;
  let objects: ObjectClient;
  let proxy: FaultProxy;
  let proxied: KubeHttp;
  let namespace: string;
  let reflector: Reflector<'ConfigMap'>;
  let ends: WatchEnd[];
  let changes: Change<'ConfigMap'>[];

  beforeAll(async () => {
    ({ http } = await sharedApiServer());
    objects = createObjectClient(http);
  });
  afterAll(() => http.close());

  beforeEach(async () => {
    proxy = await startFaultProxy((await sharedApiServer()).endpoint);
    proxied = createKubeHttp(proxy.endpoint);
    namespace = await freshNamespace(http, 'reflector');
    ends = [];
    changes = [];
  });
  afterEach(async () => {
    await reflector.stop();
    proxied.close();
    await proxy.stop();
  });

  const start = (options: Partial<ReflectorOptions<'ConfigMap'>> = {}) => {
    reflector = createReflector({
      http: proxied,
      kind: 'ConfigMap',
      namespace,
      clock: systemClock,
      random: Math.random,
      log: silentLogger,
      backoff: { baseMs: 20, maxMs: 200 },
      observer: { ended: (_kind, end) => ends.push(end) },
      ...options,
    });
    reflector.onChange((change) => changes.push(change));
    reflector.start();
    return reflector.synced();
  };

  const put = (name: string, value: string) => objects.apply(configMap(namespace, name, value));
  const remove = (name: string) => objects.delete('ConfigMap', { namespace, name });
  const versions = (list: Array<{ metadata: { name: string; uid: string; resourceVersion: string } }>) =>
    list.map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`).toSorted();

  /** The cache equals a list made now, and the changes that were told add up to it. */
  const expectTruth = async () => {
    const truth = versions(await objects.list('ConfigMap', { namespace }));
    await eventually(
      'the cache equals the truth',
      () => versions(reflector.cache.list()).join() === truth.join(),
    );
    const told = new Map<string, Change<'ConfigMap'>['object']>();
    for (const { type, object } of changes) {
      const known = told.get(object.metadata.name);
      expect([type, known?.metadata.uid]).toEqual([type, type === 'added' ? undefined : object.metadata.uid]);
      if (type === 'deleted') told.delete(object.metadata.name);
      else told.set(object.metadata.name, object);
    }
    expect(versions([...told.values()])).toEqual(truth);
  };

  /** Adds, changes, deletes, and makes anew under the same name. */
  const stir = async (round: string) => {
    await put('kept', round);
    await put(`new-${round}`, round);
    await remove('gone');
    await remove('anew');
    await put('anew', round);
  };
  const prepare = async () => {
    for (const name of ['kept', 'gone', 'anew']) await put(name, 'before');
  };
  const watching = () => eventually('a watch is open', () => proxy.watches > 0);

  test('lists what is there, then follows every change', async () => {
    await prepare();
    await start();
    expect(reflector.cache.size).toBe(3);
    expect(changes.map(({ type }) => type)).toEqual(['added', 'added', 'added']);
    await stir('1');
    await expectTruth();
    expect(proxy.count('list')).toBe(1);
    expect(proxy.count('watch')).toBe(1);
  });

  test('keeps apiVersion and kind, and drops managedFields, of listed and of watched objects', async () => {
    await put('listed', '');
    await start();
    await put('watched', '');
    await expectTruth();
    for (const name of ['listed', 'watched']) {
      const object = reflector.cache.get({ namespace, name });
      expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
      expect(object?.metadata.managedFields).toBeUndefined();
    }
  });

  test('lists page by page', async () => {
    for (let i = 0; i < 7; i++) await put(`a${i}`, '');
    await start({ pageSize: 3 });
    expect(proxy.count('list')).toBe(3);
    await expectTruth();
  });

  test('starts again without pages when the moment of the first page is gone', async () => {
    for (let i = 0; i < 7; i++) await put(`a${i}`, '');
    // The first page passes; the second finds its moment compacted away.
    let page = 0;
    const expiring: KubeHttp = {
      ...proxied,
      request: (options) => {
        page += 1;
        if (page === 2) proxy.inject('list', { answer: 410, reason: 'Expired' }, 1);
        return proxied.request(options);
      },
    };
    await start({ http: expiring, pageSize: 3 });
    expect(proxy.seen.filter(({ verb }) => verb === 'list').map(({ query }) => query.get('limit'))).toEqual([
      '3',
      '3',
      null,
    ]);
    await expectTruth();
  });

  test('a selector bounds what it sees; an object that leaves it is deleted', async () => {
    await objects.apply(configMap(namespace, 'in', '', { colour: 'red' }));
    await objects.apply(configMap(namespace, 'out', '', { colour: 'blue' }));
    await start({ labelSelector: 'colour=red' });
    expect(reflector.cache.list().map(({ metadata }) => metadata.name)).toEqual(['in']);
    await objects.apply(configMap(namespace, 'in', '', { colour: 'blue' }));
    await eventually('it leaves', () => reflector.cache.size === 0);
    expect(changes.map(({ type }) => type)).toEqual(['added', 'deleted']);
  });

  describe.each<[string, (proxy: FaultProxy) => void]>([
    ['reset in the middle', (proxy) => proxy.resetWatches()],
    ['ended early', (proxy) => proxy.endWatches()],
    ['filled with garbage', (proxy) => proxy.writeIntoWatches('{"type":"ADDED","obj\n')],
    ['sent a line that is no event', (proxy) => proxy.writeIntoWatches('{"type":"MODIFIED"}\n')],
    [
      'sent an ERROR event of 500',
      (proxy) => proxy.writeIntoWatches('{"type":"ERROR","object":{"kind":"Status","code":500}}\n'),
    ],
  ])('a watch that is %s', (_name, harm) => {
    test('is resumed where it broke off, without a list, and nothing is missed', async () => {
      await prepare();
      await start();
      for (const round of ['1', '2', '3']) {
        const before = proxy.count('watch');
        await watching();
        harm(proxy);
        await stir(round);
        await eventually('it watches again', () => proxy.count('watch') > before);
        await expectTruth();
      }
      expect(ends).toEqual(['failed', 'failed', 'failed']);
      expect(proxy.count('list')).toBe(1);
    });
  });

  test.each([500, 503, 409, 403, 404])(
    'a watch that is refused with %d is tried until it works',
    async (status) => {
      await prepare();
      const heal = proxy.inject('watch', { answer: status }, 3);
      await start();
      await stir('1');
      await expectTruth();
      heal();
      expect(proxy.count('watch')).toBe(4);
      expect(proxy.count('list')).toBe(1);
    },
  );

  test.each<[string, Fault]>([
    ['500', { answer: 500 }],
    ['503', { answer: 503 }],
    ['429', { answer: 429, retryAfterS: 0 }],
    ['410', { answer: 410 }],
    ['something that is not JSON', { answer: 200, body: '<html>' }],
    ['a reset', 'reset'],
  ])('a list that meets %s is tried until it works', async (_name, fault) => {
    await prepare();
    proxy.inject('list', fault, 3);
    await start();
    expect(proxy.count('list')).toBe(4);
    await expectTruth();
  });

  test.each<[string, (proxy: FaultProxy) => void]>([
    [
      'answered with 410',
      (proxy) => {
        proxy.inject('watch', { answer: 410, reason: 'Expired' }, 1);
        proxy.resetWatches();
      },
    ],
    [
      'told 410 by an ERROR event',
      (proxy) =>
        proxy.writeIntoWatches('{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n'),
    ],
  ])('a watch that is %s lists again and misses no deletion', async (_name, harm) => {
    await prepare();
    await start();
    await watching();
    harm(proxy);
    await stir('1');
    await eventually('it lists again', () => proxy.count('list') === 2);
    await expectTruth();
    expect(ends).toContain('expired');
  });

  test('a version that is refused again and again without 410 is given up for a list', async () => {
    await prepare();
    await start();
    await watching();
    const heal = proxy.inject('watch', { answer: 504 });
    proxy.resetWatches();
    await stir('1');
    await eventually('it lists again', () => proxy.count('list') > 1);
    heal();
    await expectTruth();
  });

  test('Retry-After of a 429 is honoured', async () => {
    await start();
    await watching();
    proxy.inject('watch', { answer: 429, reason: 'TooManyRequests', retryAfterS: 1 }, 1);
    const before = proxy.count('watch');
    proxy.resetWatches();
    await eventually('the 429 came', () => ends.includes('throttled'));
    const throttledAtMs = performance.now();
    expect(proxy.count('watch')).toBe(before + 1);
    await eventually('it watches again', () => proxy.count('watch') === before + 2);
    // Not a timing of ours: less would be a broken promise to the server.
    expect(performance.now() - throttledAtMs).toBeGreaterThan(900);
    await put('after', '');
    await expectTruth();
  });

  test('a watch that falls silent is cut and resumed', async () => {
    await prepare();
    await start({ stallMs: 300 });
    await watching();
    proxy.silenceWatches();
    await stir('1');
    await expectTruth();
    expect(ends).toContain('stalled');
    expect(proxy.count('list')).toBe(1);
  });

  test('an API server that accepts a watch and never answers it is given up and asked again', async () => {
    await prepare();
    proxy.inject('watch', 'silence', 2);
    await start({ stallMs: 300 });
    await stir('1');
    await expectTruth();
    expect(proxy.count('watch')).toBeGreaterThanOrEqual(3);
  });

  test('an API server that cannot be reached is found again, and what happened meanwhile is seen', async () => {
    await prepare();
    await start();
    await watching();
    proxy.down();
    await stir('1');
    await stir('2');
    await eventually('it tries and fails', () => ends.length >= 3);
    proxy.up();
    await expectTruth();
    expect(proxy.count('list')).toBe(1);
  });

  test('starts while the API server is down, and syncs once it is up', async () => {
    await prepare();
    proxy.down();
    const synced = start();
    await eventually('it tries and fails', () => ends.length >= 2);
    expect(reflector.hasSynced()).toBe(false);
    expect(reflector.heardAgoMs()).toBe(Number.POSITIVE_INFINITY);
    proxy.up();
    await synced;
    expect(reflector.hasSynced()).toBe(true);
    await expectTruth();
  });

  test('a watch that ends at its time is resumed at once, from its last bookmark, without a list', async () => {
    await prepare();
    // The API server sends a bookmark 2 s before a watch's end, and otherwise about once a minute.
    await start({ watchMs: 4000, random: () => 0 });
    const elsewhere = await freshNamespace(http, 'elsewhere');
    await objects.apply(configMap(elsewhere, 'moves-the-version-on', ''));
    await eventually('it watches again', () => proxy.count('watch') === 2);
    const [first, second] = proxy.seen.filter(({ verb }) => verb === 'watch');
    expect(first?.query.get('resourceVersion')).not.toBe(second?.query.get('resourceVersion'));
    await stir('1');
    await expectTruth();
    expect(proxy.count('list')).toBe(1);
    expect(ends).toEqual(['timeout']);
  });

  test('stop ends the watch, leaves no connection or request, and rejects who still waits', async () => {
    await start();
    await watching();
    await reflector.stop();
    proxied.close();
    await eventually('nothing is left', () => proxy.active === 0 && proxy.connections === 0);
    const requests = proxy.seen.length;
    await put('after', '');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(proxy.seen).toHaveLength(requests);
    expect(reflector.cache.size).toBe(0);
  });

  test.each<['list' | 'watch', string, Fault]>([
    ['list', 'that is not answered', 'silence'],
    ['list', 'that failed and waits out its backoff', { answer: 500 }],
    ['watch', 'that is not answered', 'silence'],
    ['watch', 'that failed and waits out its backoff', { answer: 500 }],
  ])('stop during a %s %s leaves nothing behind', async (verb, _name, fault) => {
    proxy.inject(verb, fault);
    const synced = start({ backoff: { baseMs: 600_000, maxMs: 600_000 } });
    const outcome = synced.then(
      () => 'synced',
      (error: Error) => error.message,
    );
    await eventually('the request came', () => proxy.count(verb) === 1);
    await eventually('it failed', () => fault === 'silence' || ends.length === 1);
    await reflector.stop();
    expect(await outcome).toBe(
      verb === 'watch' ? 'synced' : 'the reflector of ConfigMap was stopped before its first list',
    );
    proxied.close();
    await eventually('nothing is left', () => proxy.active === 0 && proxy.connections === 0);
  });

  test("a listener's error reaches no other listener, and an unsubscribed one hears nothing", async () => {
    await start();
    const heard: string[] = [];
    const off = reflector.onChange(() => heard.push('off'));
    reflector.onChange(() => {
      throw new Error('a bug');
    });
    reflector.onChange(({ object }) => heard.push(object.metadata.name));
    off();
    await put('a', '');
    await expectTruth();
    expect(heard).toEqual(['a']);
  });
});
