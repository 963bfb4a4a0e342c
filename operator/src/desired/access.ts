import { type HyperpageCluster, namesOf } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { metadataOf } from './meta.ts';

/** Identity of the app's pods. The token is mounted in the sidecar only (see app-pod.ts). */
export const appServiceAccount = (cluster: HyperpageCluster): Manifest<'ServiceAccount'> => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).app, 'app'),
  automountServiceAccountToken: false,
});

/** Identity of the Redis pods, which may do nothing and get no token. */
export const redisServiceAccount = (cluster: HyperpageCluster): Manifest<'ServiceAccount'> => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).redis, 'redis'),
  automountServiceAccountToken: false,
});

/** What a sidecar may do: read and write the one leader Lease. It cannot create it: RBAC cannot restrict creation to
 *  a name, and a Lease that a sidecar made anew would look never held (the operator makes it, see leader-lease.ts). */
export const sidecarRole = (cluster: HyperpageCluster): Manifest<'Role'> => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).app, 'app'),
  rules: [
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      resourceNames: [namesOf(cluster.metadata.name).leaderLease],
      verbs: ['get', 'update', 'patch'],
    },
  ],
});

export const sidecarRoleBinding = (cluster: HyperpageCluster): Manifest<'RoleBinding'> => {
  const { app } = namesOf(cluster.metadata.name);
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: metadataOf(cluster, app, 'app'),
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: app },
    subjects: [{ kind: 'ServiceAccount', name: app, namespace: cluster.metadata.namespace }],
  };
};
