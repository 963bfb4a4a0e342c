import type { Kind, ObjectKey, Stored } from './wire.ts';

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
