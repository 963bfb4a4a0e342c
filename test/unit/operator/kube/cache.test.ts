import { WritableCache } from '../../../../operator/src/kube/cache.ts';
import {
  collectionPath,
  keyOf,
  objectPath,
  parseKey,
  type Stored,
} from '../../../../operator/src/kube/index.ts';

const pod = (
  name: string,
  {
    namespace = 'demo',
    uid = `uid-of-${name}`,
    version = '1',
    cluster,
    owner,
  }: { namespace?: string; uid?: string; version?: string; cluster?: string; owner?: string } = {},
): Stored<'Pod'> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace,
    uid,
    resourceVersion: version,
    creationTimestamp: '2030-01-01T00:00:00Z',
    ...(cluster ? { labels: { 'hyperpage.dev/cluster': cluster } } : {}),
    ...(owner ? { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: owner }] } : {}),
  },
});
const names = (pods: Stored<'Pod'>[]) => pods.map(({ metadata }) => metadata.name).toSorted();

describe('cache', () => {
  let cache: WritableCache<'Pod'>;
  beforeEach(() => {
    cache = new WritableCache();
  });

  test('a new object is added, a new version of it is an update, the same version is nothing', () => {
    const first = pod('a');
    const second = pod('a', { version: '2' });
    expect(cache.put(first)).toEqual([{ type: 'added', object: first }]);
    expect(cache.put(second)).toEqual([{ type: 'updated', object: second, previous: first }]);
    expect(cache.put(pod('a', { version: '2' }))).toEqual([]);
    expect(cache.get({ namespace: 'demo', name: 'a' })).toBe(second);
    expect(cache.size).toBe(1);
  });

  test('another UID under the same name is a deletion and an addition', () => {
    const old = pod('a', { owner: 'rs-1' });
    const anew = pod('a', { uid: 'other', version: '9' });
    cache.put(old);
    expect(cache.put(anew)).toEqual([
      { type: 'deleted', object: old },
      { type: 'added', object: anew },
    ]);
    expect(cache.byOwner('rs-1')).toEqual([]);
  });

  test('a deletion of an object whose name has passed on changes nothing', () => {
    cache.put(pod('a', { uid: 'new' }));
    expect(cache.remove(pod('a', { uid: 'old' }))).toEqual([]);
    expect(cache.size).toBe(1);
  });

  test('a deletion tells the last state; a deletion of what is unknown tells nothing', () => {
    cache.put(pod('a'));
    const last = pod('a', { version: '5' });
    expect(cache.remove(last)).toEqual([{ type: 'deleted', object: last }]);
    expect(cache.remove(last)).toEqual([]);
    expect(cache.size).toBe(0);
  });

  test('objects are found by namespace, by cluster and by owner, also after these change', () => {
    cache.put(pod('a', { cluster: 'web', owner: 'rs-1' }));
    cache.put(pod('b', { cluster: 'web', owner: 'rs-2' }));
    cache.put(pod('c', { cluster: 'web', namespace: 'other' }));
    const web = { namespace: 'demo', name: 'web' };
    expect(names(cache.byCluster(web))).toEqual(['a', 'b']);
    expect(names(cache.byOwner('rs-2'))).toEqual(['b']);
    expect(names(cache.list('other'))).toEqual(['c']);
    expect(names(cache.list())).toEqual(['a', 'b', 'c']);
    cache.put(pod('a', { version: '2', cluster: 'shop', owner: 'rs-2' }));
    expect(names(cache.byCluster(web))).toEqual(['b']);
    expect(names(cache.byOwner('rs-2'))).toEqual(['a', 'b']);
    cache.remove(pod('b'));
    expect(names(cache.byCluster(web))).toEqual([]);
    expect(names(cache.byOwner('rs-2'))).toEqual(['a']);
    expect(names(cache.list('demo'))).toEqual(['a']);
  });

  test('tells which objects are not among names', () => {
    for (const name of ['a', 'b', 'c']) cache.put(pod(name));
    expect(names(cache.without(new Set(['demo/b'])))).toEqual(['a', 'c']);
  });
});

describe('paths and keys', () => {
  test('a path is made of group, version, namespace and plural', () => {
    expect(collectionPath('Pod')).toBe('/api/v1/pods');
    expect(collectionPath('HyperpageCluster', 'demo')).toBe(
      '/apis/hyperpage.dev/v1alpha1/namespaces/demo/hyperpageclusters',
    );
    expect(objectPath('StatefulSet', { namespace: 'demo', name: 'a' }, 'scale')).toBe(
      '/apis/apps/v1/namespaces/demo/statefulsets/a/scale',
    );
  });

  test('a name cannot leave its path', () => {
    expect(objectPath('Pod', { namespace: 'a/b', name: '../c?d' })).toBe(
      '/api/v1/namespaces/a%2Fb/pods/..%2Fc%3Fd',
    );
  });

  test('a key is namespace and name, and can be read back', () => {
    const key = { namespace: 'demo', name: 'web' };
    expect(keyOf(key)).toBe('demo/web');
    expect(parseKey('demo/web')).toEqual(key);
  });
});
