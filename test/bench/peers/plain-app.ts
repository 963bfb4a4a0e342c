import { IMAGES } from '@hyperpage/contract';

const labels = (name: string) => ({ app: name });

/** What somebody would write by hand without an operator: three app pods and three Redis pods of the same images and
 *  requests, without replication, failover, sidecars or policies. */
export const plainAppManifest = (namespace: string): object => ({
  apiVersion: 'v1',
  kind: 'List',
  items: [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    plainDeployment(namespace),
    plainRedisService(namespace),
    plainRedis(namespace),
  ],
});

const plainDeployment = (namespace: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'app', namespace },
  spec: {
    replicas: 3,
    selector: { matchLabels: labels('app') },
    template: {
      metadata: { labels: labels('app') },
      spec: {
        containers: [
          {
            name: 'app',
            image: IMAGES.example,
            env: [{ name: 'PORT', value: '3000' }],
            resources: { requests: { cpu: '50m', memory: '64Mi' } },
            // As the operator's defaults, but for what it asks: there is no sidecar to answer.
            readinessProbe: { tcpSocket: { port: 3000 }, initialDelaySeconds: 5, periodSeconds: 10 },
          },
        ],
      },
    },
  },
});

const plainRedisService = (namespace: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'redis', namespace },
  spec: { clusterIP: 'None', selector: labels('redis'), ports: [{ port: 6379 }] },
});

const plainRedis = (namespace: string) => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'redis', namespace },
  spec: {
    replicas: 3,
    serviceName: 'redis',
    podManagementPolicy: 'Parallel',
    selector: { matchLabels: labels('redis') },
    template: {
      metadata: { labels: labels('redis') },
      spec: {
        securityContext: { runAsUser: 999, runAsGroup: 999, fsGroup: 999 },
        containers: [
          {
            name: 'redis',
            image: IMAGES.redis,
            command: ['redis-server', '--appendonly', 'yes', '--dir', '/data'],
            resources: { requests: { cpu: '25m', memory: '32Mi' } },
            readinessProbe: { tcpSocket: { port: 6379 }, periodSeconds: 2 },
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          },
        ],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
    },
  },
});
