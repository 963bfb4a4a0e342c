import { type Component, type HyperpageCluster, namesOf, selectorLabels } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { metadataOf } from './meta.ts';

/** One pod at a time may be evicted. A pod that is not ready anyway never stands in the way of a drain. */
const budget = (
  cluster: HyperpageCluster,
  component: Component,
  evictUnready: boolean,
): Manifest<'PodDisruptionBudget'> => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name)[component], component),
  spec: {
    maxUnavailable: 1,
    selector: { matchLabels: selectorLabels(cluster.metadata.name, component) },
    ...(evictUnready ? { unhealthyPodEvictionPolicy: 'AlwaysAllow' } : {}),
  },
});

export const appDisruptionBudget = (cluster: HyperpageCluster) => budget(cluster, 'app', true);

/** An unready Redis pod may hold the only copy of the data: the budget protects it too. */
export const redisDisruptionBudget = (cluster: HyperpageCluster) => budget(cluster, 'redis', false);
