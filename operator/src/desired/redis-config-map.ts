import { type HyperpageCluster, namesOf } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { metadataOf } from './meta.ts';
import { REDIS_SCRIPTS } from './redis-scripts.ts';
import { settingsFile } from './redis-settings.ts';
import { redisHostsOf } from './redis-topology.ts';

/** What the Redis pods run and whom they ask. It holds no secret. A change reaches running pods through the mount and
 *  restarts none: scripts and settings are read when a container starts, `peers` at every question. */
export const redisConfigMap = (cluster: HyperpageCluster): Manifest<'ConfigMap'> => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).redis, 'redis'),
  data: {
    ...REDIS_SCRIPTS,
    peers: `${redisHostsOf(cluster).join('\n')}\n`,
    'settings.conf': settingsFile(cluster),
  },
});
