import { type HyperpageCluster, namesOf } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { metadataOf } from './meta.ts';

type Spec = NonNullable<Manifest<'HorizontalPodAutoscaler'>['spec']>;

/** The app's HorizontalPodAutoscaler, or undefined when the CR does not ask for autoscaling. */
export function autoscaler(cluster: HyperpageCluster): Manifest<'HorizontalPodAutoscaler'> | undefined {
  const { autoscaling } = cluster.spec;
  if (!autoscaling) return undefined;
  const { app } = namesOf(cluster.metadata.name);
  const cpu = {
    type: 'Resource',
    resource: {
      name: 'cpu',
      target: { type: 'Utilization', averageUtilization: autoscaling.targetCPUUtilizationPercentage },
    },
  };
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadataOf(cluster, app, 'app'),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: app },
      minReplicas: autoscaling.min,
      maxReplicas: autoscaling.max,
      metrics: [cpu, ...((autoscaling.metrics ?? []) as NonNullable<Spec['metrics']>)],
      ...(autoscaling.behavior ? { behavior: autoscaling.behavior } : {}),
    },
  };
}
