import { LABELS } from '@hyperpage/contract';
import { keyOf } from './resources.ts';
import type { Kind, ObjectKey, ObjectMeta, Stored } from './wire.ts';

/** What a reflector knows, by `namespace/name`. Objects are shared with everyone who asks: never change one. */
export interface Cache<K extends Kind = Kind> {
  get(key: ObjectKey): Stored<K> | undefined;
  /** All objects, or those of one namespace, in no particular order. */
  list(namespace?: string): Stored<K>[];
  /** Objects in the cluster's namespace whose label `hyperpage.dev/cluster` names it. */
  byCluster(cluster: ObjectKey): Stored<K>[];
  /** Objects that the object with this UID owns (any of `metadata.ownerReferences`). */
  byOwner(uid: string): Stored<K>[];
  readonly size: number;
}

/** What happened to an object. A deletion and a creation under the same name (another UID) are two changes, in that
 *  order, also when the reflector saw neither happen. */
export type Change<K extends Kind = Kind> =
  | { type: 'added'; object: Stored<K> }
  | { type: 'updated'; object: Stored<K>; previous: Stored<K> }
  /** `object` is the last state we saw; the API server may have seen later ones. */
  | { type: 'deleted'; object: Stored<K> };

/** A cache that its reflector writes. */
export class WritableCache<K extends Kind> implements Cache<K> {
  readonly #objects = new Map<string, Stored<K>>();
  readonly #namespaces = new Index<Stored<K>>((object) => [object.metadata.namespace ?? '']);
  readonly #clusters = new Index<Stored<K>>(clusterOf);
  readonly #owners = new Index<Stored<K>>(ownersOf);

  get(key: ObjectKey): Stored<K> | undefined {
    return this.#objects.get(keyOf(key));
  }
  list(namespace?: string): Stored<K>[] {
    return namespace === undefined ? [...this.#objects.values()] : this.#namespaces.at(namespace);
  }
  byCluster(cluster: ObjectKey): Stored<K>[] {
    return this.#clusters.at(keyOf(cluster));
  }
  byOwner(uid: string): Stored<K>[] {
    return this.#owners.at(uid);
  }
  get size(): number {
    return this.#objects.size;
  }

  /** Stores what the API server says exists, and tells what that changes: nothing when it was known already. */
  put(object: Stored<K>): Change<K>[] {
    const key = keyOf(object.metadata);
    const previous = this.#objects.get(key);
    if (previous && sameVersion(previous, object)) return [];
    this.#swap(key, previous, object);
    if (!previous) return [{ type: 'added', object }];
    if (previous.metadata.uid === object.metadata.uid) return [{ type: 'updated', object, previous }];
    // Somebody deleted the object and made another one under its name while we did not look.
    return [
      { type: 'deleted', object: previous },
      { type: 'added', object },
    ];
  }

  /** Forgets `object`, unless its name has passed to another one since. */
  remove(object: Stored<K>): Change<K>[] {
    const key = keyOf(object.metadata);
    const previous = this.#objects.get(key);
    if (previous?.metadata.uid !== object.metadata.uid) return [];
    this.#swap(key, previous, undefined);
    return [{ type: 'deleted', object }];
  }

  /** Those whose names are not among `kept`. */
  without(kept: ReadonlySet<string>): Stored<K>[] {
    return [...this.#objects].filter(([key]) => !kept.has(key)).map(([, object]) => object);
  }

  #swap(key: string, previous: Stored<K> | undefined, next: Stored<K> | undefined): void {
    if (next) this.#objects.set(key, next);
    else this.#objects.delete(key);
    for (const index of [this.#namespaces, this.#clusters, this.#owners]) {
      if (previous) index.remove(previous);
      if (next) index.add(next);
    }
  }
}

class Index<T> {
  readonly #sets = new Map<string, Set<T>>();
  readonly #valuesOf: (object: T) => readonly string[];
  constructor(valuesOf: (object: T) => readonly string[]) {
    this.#valuesOf = valuesOf;
  }
  at(value: string): T[] {
    return [...(this.#sets.get(value) ?? [])];
  }
  add(object: T): void {
    for (const value of this.#valuesOf(object)) {
      const set = this.#sets.get(value);
      if (set) set.add(object);
      else this.#sets.set(value, new Set([object]));
    }
  }
  remove(object: T): void {
    for (const value of this.#valuesOf(object)) {
      const set = this.#sets.get(value);
      set?.delete(object);
      if (set?.size === 0) this.#sets.delete(value);
    }
  }
}

type HasMeta = { metadata: ObjectMeta & { name: string } };

const clusterOf = ({ metadata }: HasMeta): string[] => {
  const name = metadata.labels?.[LABELS.cluster];
  return name === undefined ? [] : [keyOf({ ...metadata, name })];
};

const ownersOf = ({ metadata }: HasMeta): string[] =>
  (metadata.ownerReferences ?? []).map((owner) => owner.uid);

const sameVersion = (a: HasMeta, b: HasMeta) =>
  a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion;
