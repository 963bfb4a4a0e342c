/** A HyperpageCluster as small as it can be for a machine with two cores, in a namespace of its own name. */
export function manifestOf(options: {
  name: string;
  appPods: number;
  /** Size of each Redis pod's volume; absent: none. */
  storage?: string;
  /** Most app pods that the HPA makes; absent: there is no HPA. */
  scaleTo?: number;
  leaderElection?: { timeoutMs: number; heartbeatIntervalMs: number };
}): string {
  const { name, appPods, storage, scaleTo } = options;
  const { leaderElection = { timeoutMs: 6000, heartbeatIntervalMs: 2000 } } = options;
  const spec = {
    app: {
      image: 'hyperpage/example:0.1.0',
      replicas: appPods,
      resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '500m', memory: '256Mi' } },
    },
    redis: {
      mode: 'Sentinel',
      replicas: 3,
      ...(storage ? { storage: { size: storage } } : {}),
      resources: { requests: { cpu: '25m', memory: '32Mi' }, limits: { memory: '256Mi' } },
    },
    // The writers and observers run beside the sidecar, and its limit holds for them too.
    sidecar: { resources: { requests: { cpu: '25m', memory: '48Mi' }, limits: { memory: '256Mi' } } },
    ...(scaleTo ? { autoscaling: { min: appPods, max: scaleTo, targetCPUUtilizationPercentage: 70 } } : {}),
    leaderElection,
    sessions: { secureCookie: false },
  };
  const namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  };
  const cluster = {
    apiVersion: 'hyperpage.dev/v1alpha1',
    kind: 'HyperpageCluster',
    metadata: { name, namespace: name },
    spec,
  };
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [namespace, cluster] });
}
