import { type HyperpageCluster, LABELS, namesOf, PORTS, selectorLabels } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { metadataOf } from './meta.ts';

/** `app.kubernetes.io/name` of the operator's own pods (manifests/install.yaml). */
export const OPERATOR_NAME = 'hyperpage-operator';

const tcp = (...ports: number[]) => ports.map((port) => ({ port, protocol: 'TCP' }));

/** Redis is reached by the app's pods, the Redis pods themselves and the operator; by nobody else. */
export const redisNetworkPolicy = (
  cluster: HyperpageCluster,
  operatorNamespace: string,
): Manifest<'NetworkPolicy'> => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).redis, 'redis'),
  spec: {
    podSelector: { matchLabels: selectorLabels(cluster.metadata.name, 'redis') },
    policyTypes: ['Ingress'],
    ingress: [
      {
        from: [
          { podSelector: { matchLabels: selectorLabels(cluster.metadata.name, 'app') } },
          { podSelector: { matchLabels: selectorLabels(cluster.metadata.name, 'redis') } },
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': operatorNamespace } },
            podSelector: { matchLabels: { [LABELS.name]: OPERATOR_NAME } },
          },
        ],
        ports: tcp(PORTS.redis, ...(cluster.spec.redis.mode === 'Sentinel' ? [PORTS.sentinel] : [])),
      },
    ],
  },
});

/** Of an app pod only the app's port and the sidecar's are open. Anybody may knock at the latter: kubelet and Prometheus
 *  have no labels to know them by, and sidecars of the cluster prove themselves to each other with their key. */
export const appNetworkPolicy = (cluster: HyperpageCluster): Manifest<'NetworkPolicy'> => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).app, 'app'),
  spec: {
    podSelector: { matchLabels: selectorLabels(cluster.metadata.name, 'app') },
    policyTypes: ['Ingress'],
    ingress: [{ ports: tcp(cluster.spec.app.port, PORTS.sidecarPod) }],
  },
});
