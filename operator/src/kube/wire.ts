import type { HyperpageCluster } from '@hyperpage/contract';
import type {
  EventsV1Event,
  V1ConfigMap,
  V1Deployment,
  V1Lease,
  V1NetworkPolicy,
  V1ObjectMeta,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1Role,
  V1RoleBinding,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1StatefulSet,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node';

/** Kubernetes objects as they are on the wire: JSON, times as RFC 3339 strings, field names as in the API's
 *  documentation. client-node's classes hold `Date` where its own watch gives strings, write times the API server
 *  refuses, and rename fields (`_from`); so we take its types through `Wire` and none of its objects. */
export type Wire<T> = T extends Date
  ? string
  : T extends ReadonlyArray<infer Item>
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T as Key extends `_${infer Name}` ? Name : Key]: Wire<T[Key]> }
      : T;

/** Every kind that the operator reads or writes, with the shape of its objects. */
export interface Kinds {
  HyperpageCluster: HyperpageCluster;
  Deployment: V1Deployment;
  StatefulSet: V1StatefulSet;
  Service: V1Service;
  ServiceAccount: V1ServiceAccount;
  Role: V1Role;
  RoleBinding: V1RoleBinding;
  Secret: V1Secret;
  ConfigMap: V1ConfigMap;
  HorizontalPodAutoscaler: V2HorizontalPodAutoscaler;
  PodDisruptionBudget: V1PodDisruptionBudget;
  NetworkPolicy: V1NetworkPolicy;
  Lease: V1Lease;
  Pod: V1Pod;
  PersistentVolumeClaim: V1PersistentVolumeClaim;
  /** events.k8s.io/v1. */
  Event: EventsV1Event;
}

export type Kind = keyof Kinds;

export type ObjectMeta = Wire<V1ObjectMeta>;
export type OwnerReference = NonNullable<ObjectMeta['ownerReferences']>[number];

type Made<K extends Kind, Extra> = Omit<Wire<Kinds[K]>, 'apiVersion' | 'kind' | 'metadata'> & {
  apiVersion: string;
  kind: K;
  metadata: ObjectMeta & Extra;
};

/** An object as we send it: it has a name, and a namespace where its kind wants one. A union over the kinds in `K`,
 *  which `kind` tells apart. */
export type Manifest<K extends Kind = Kind> = { [P in K]: Made<P, { name: string; namespace?: string }> }[K];

/** An object as the API server gives it. */
export type Stored<K extends Kind = Kind> = {
  [P in K]: Made<
    P,
    { name: string; namespace: string; uid: string; resourceVersion: string; creationTimestamp: string }
  >;
}[K];

/** Names one object of a kind. `namespace` is '' (or absent) for kinds that have none. */
export interface ObjectKey {
  namespace?: string;
  name: string;
}
