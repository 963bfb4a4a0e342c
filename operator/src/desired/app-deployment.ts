import { type HyperpageCluster, namesOf, selectorLabels } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { appPodTemplate } from './app-pod.ts';
import { metadataOf } from './meta.ts';

/** The app's Deployment. A pod is replaced only when its successor is ready. */
export function appDeployment(cluster: HyperpageCluster): Manifest<'Deployment'> {
  const { name } = cluster.metadata;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(cluster, namesOf(name).app, 'app'),
    spec: {
      // Under an HPA the field is not ours, and applying it would undo scaling: it is set once, at creation.
      ...(cluster.spec.autoscaling ? {} : { replicas: cluster.spec.app.replicas }),
      selector: { matchLabels: selectorLabels(name, 'app') },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } },
      revisionHistoryLimit: 5,
      progressDeadlineSeconds: 600,
      template: appPodTemplate(cluster),
    },
  };
}

/** How many pods a Deployment under an HPA begins with: what the user wrote, within the HPA's bounds. */
export function initialReplicas({ spec }: HyperpageCluster): number {
  const { autoscaling, app } = spec;
  if (!autoscaling) return app.replicas;
  return Math.min(Math.max(app.replicas, autoscaling.min), autoscaling.max);
}
