import { FIELD_MANAGER } from '@hyperpage/contract';
import { isStatus, type KubeHttp } from '@hyperpage/runtime';
import { listObjects } from './list.ts';
import { collectionPath, objectPath } from './resources.ts';
import type { Kind, Kinds, Manifest, ObjectKey, Stored, Wire } from './wire.ts';

export interface ListOptions {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface DeletePreconditions {
  /** Delete only this object, not one that was made anew under its name. */
  uid?: string;
  /** Delete only if nobody changed it since. */
  resourceVersion?: string;
}

/** Single requests about objects, typed by kind. Every method throws runtime's `KubeError` when the API server refuses
 *  (`status`, `reason`, `retryAfterMs`) or cannot be reached (`status` 0); it retries nothing: the work queue does. */
export interface ObjectClient {
  /** The object, or undefined when there is none. */
  get<K extends Kind>(kind: K, key: ObjectKey): Promise<Stored<K> | undefined>;
  /** All that match, over as many pages as it takes. */
  list<K extends Kind>(kind: K, options?: ListOptions): Promise<Stored<K>[]>;
  /** Server-side apply as FIELD_MANAGER, taking fields over from whoever set them (`force`). Creates what is missing.
   *  Fields that an earlier apply named and this one does not are removed by the API server.
   *  With `metadata.uid` in the manifest only that object is written: 409 when it is gone, 422 when another one has
   *  its name. */
  apply<K extends Kind>(manifest: Manifest<K>): Promise<Stored<K>>;
  /** As `apply`, to the status subresource. */
  applyStatus<K extends Kind>(manifest: StatusManifest<K>): Promise<Stored<K>>;
  /** @throws KubeError 409 `AlreadyExists` when the name is taken. */
  create<K extends Kind>(manifest: Manifest<K>): Promise<Stored<K>>;
  /** JSON merge patch (RFC 7386); `metadata.resourceVersion` in it makes it conditional. */
  patch<K extends Kind>(kind: K, key: ObjectKey, patch: object, subresource?: 'status'): Promise<Stored<K>>;
  /** Asks for deletion; dependents go in the background. False when there was nothing to delete.
   *  @throws KubeError 409 when a precondition fails. */
  delete(kind: Kind, key: ObjectKey, preconditions?: DeletePreconditions): Promise<boolean>;
}

export interface StatusManifest<K extends Kind> {
  apiVersion: string;
  kind: K;
  metadata: { name: string; namespace?: string; uid?: string };
  status: StatusOf<K>;
}

type StatusOf<K extends Kind> =
  Wire<Kinds[K]> extends { status?: infer Status } ? NonNullable<Status> : never;

/** An ObjectClient over `http`. */
export function createObjectClient(http: KubeHttp): ObjectClient {
  const apply = <K extends Kind>(manifest: Manifest<K> | StatusManifest<K>, subresource?: 'status') =>
    http.request<Stored<K>>({
      method: 'PATCH',
      path: objectPath(manifest.kind, manifest.metadata, subresource),
      query: { fieldManager: FIELD_MANAGER, force: true },
      contentType: 'application/apply-patch+yaml',
      body: manifest,
    });

  return {
    get: async (kind, key) => {
      try {
        return await http.request({ method: 'GET', path: objectPath(kind, key) });
      } catch (error) {
        if (isStatus(error, 404)) return undefined;
        throw error;
      }
    },
    list: async (kind, options = {}) => (await listObjects(http, kind, options)).items,
    apply: (manifest) => apply(manifest),
    applyStatus: (manifest) => apply(manifest, 'status'),
    create: (manifest) =>
      http.request({
        method: 'POST',
        path: collectionPath(manifest.kind, manifest.metadata.namespace),
        query: { fieldManager: FIELD_MANAGER },
        body: manifest,
      }),
    patch: (kind, key, patch, subresource) =>
      http.request({
        method: 'PATCH',
        path: objectPath(kind, key, subresource),
        query: { fieldManager: FIELD_MANAGER },
        contentType: 'application/merge-patch+json',
        body: patch,
      }),
    delete: async (kind, key, preconditions) => {
      try {
        await http.request({
          method: 'DELETE',
          path: objectPath(kind, key),
          body: { propagationPolicy: 'Background', ...(preconditions ? { preconditions } : {}) },
        });
        return true;
      } catch (error) {
        if (isStatus(error, 404)) return false;
        throw error;
      }
    },
  };
}
