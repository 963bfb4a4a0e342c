import { GROUP, PLURAL, VERSION } from '@hyperpage/contract';
import type { Kind, ObjectKey } from './wire.ts';

/** Where the API server serves a kind. */
export interface Resource<K extends Kind = Kind> {
  /** '' is the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: K;
}

const table: { readonly [K in Kind]: readonly [group: string, version: string, plural: string] } = {
  HyperpageCluster: [GROUP, VERSION, PLURAL],
  Deployment: ['apps', 'v1', 'deployments'],
  StatefulSet: ['apps', 'v1', 'statefulsets'],
  Service: ['', 'v1', 'services'],
  ServiceAccount: ['', 'v1', 'serviceaccounts'],
  Role: ['rbac.authorization.k8s.io', 'v1', 'roles'],
  RoleBinding: ['rbac.authorization.k8s.io', 'v1', 'rolebindings'],
  Secret: ['', 'v1', 'secrets'],
  ConfigMap: ['', 'v1', 'configmaps'],
  HorizontalPodAutoscaler: ['autoscaling', 'v2', 'horizontalpodautoscalers'],
  PodDisruptionBudget: ['policy', 'v1', 'poddisruptionbudgets'],
  NetworkPolicy: ['networking.k8s.io', 'v1', 'networkpolicies'],
  Lease: ['coordination.k8s.io', 'v1', 'leases'],
  Pod: ['', 'v1', 'pods'],
  PersistentVolumeClaim: ['', 'v1', 'persistentvolumeclaims'],
  Event: ['events.k8s.io', 'v1', 'events'],
};

/** Every kind the operator touches is namespaced, so a path without a namespace means all namespaces. */
export function resourceOf<K extends Kind>(kind: K): Resource<K> {
  const [group, version, plural] = table[kind];
  return { group, version, plural, kind };
}

/** `apiVersion` of a kind's objects, such as `apps/v1`. */
export function apiVersionOf(kind: Kind): string {
  const { group, version } = resourceOf(kind);
  return group === '' ? version : `${group}/${version}`;
}

/** Path of a kind's collection; without a namespace, of all namespaces. */
export function collectionPath(kind: Kind, namespace?: string): string {
  const { group, version, plural } = resourceOf(kind);
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespace ? `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}` : `${root}/${plural}`;
}

/** Path of one object, or of one of its subresources. */
export function objectPath(
  kind: Kind,
  key: ObjectKey,
  subresource?: 'status' | 'scale' | 'eviction',
): string {
  const path = `${collectionPath(kind, key.namespace)}/${encodeURIComponent(key.name)}`;
  return subresource ? `${path}/${subresource}` : path;
}

/** `namespace/name`: what caches and the work queue call an object. */
export const keyOf = ({ namespace, name }: ObjectKey): string => `${namespace ?? ''}/${name}`;

/** The opposite of `keyOf`. */
export function parseKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
