import { type HyperpageCluster, namesOf, PORTS, selectorLabels } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { metadataOf } from './meta.ts';

/** The app's Service: port 80 to the app's port. */
export const appService = (cluster: HyperpageCluster): Manifest<'Service'> => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).app, 'app'),
  spec: {
    type: 'ClusterIP',
    selector: selectorLabels(cluster.metadata.name, 'app'),
    ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
  },
});

/** Addresses of the app pods, by which sidecars find each other. A pod that is not ready is a peer as well: it may hold
 *  sessions, and without Redis none may be ready. */
export const peersService = (cluster: HyperpageCluster): Manifest<'Service'> => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).peers, 'app'),
  spec: {
    type: 'ClusterIP',
    clusterIP: 'None',
    publishNotReadyAddresses: true,
    selector: selectorLabels(cluster.metadata.name, 'app'),
    ports: [{ name: 'peers', port: PORTS.sidecarPod, targetPort: PORTS.sidecarPod, protocol: 'TCP' }],
  },
});

/** Names of the Redis pods. Addresses are published before a pod is ready: pods find each other to become ready. */
export const redisService = (cluster: HyperpageCluster): Manifest<'Service'> => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).redisHeadless, 'redis'),
  spec: {
    type: 'ClusterIP',
    clusterIP: 'None',
    publishNotReadyAddresses: true,
    selector: selectorLabels(cluster.metadata.name, 'redis'),
    ports: [
      { name: 'redis', port: PORTS.redis, targetPort: PORTS.redis, protocol: 'TCP' },
      ...(cluster.spec.redis.mode === 'Sentinel'
        ? [{ name: 'sentinel', port: PORTS.sentinel, targetPort: PORTS.sentinel, protocol: 'TCP' }]
        : []),
    ],
  },
});
