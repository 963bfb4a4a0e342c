import { type Component, type HyperpageCluster, selectorLabels } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';

type PodSpec = NonNullable<NonNullable<Manifest<'Deployment'>['spec']>['template']['spec']>;

const ZONE_WEIGHT = 50;

/** Spreads a component's pods over nodes, and over zones where nodes have one; never keeps a pod from being scheduled.
 *  Zones by affinity: a spread constraint whose label a node lacks takes the node out of all spreading. */
export function spread(
  cluster: HyperpageCluster,
  component: Component,
): Required<Pick<PodSpec, 'topologySpreadConstraints' | 'affinity'>> {
  const labelSelector = { matchLabels: selectorLabels(cluster.metadata.name, component) };
  return {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector,
      },
    ],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: ZONE_WEIGHT,
            podAffinityTerm: { topologyKey: 'topology.kubernetes.io/zone', labelSelector },
          },
        ],
      },
    },
  };
}
