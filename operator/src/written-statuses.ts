import type { ClusterStatus, HyperpageCluster } from '@hyperpage/contract';

/** The statuses that were written last, until the cache has them. Without this a visit that comes before the cache
 *  has caught up would see the old status, and tell the same transition twice. */
export interface WrittenStatuses {
  wrote(uid: string, resourceVersion: string, status: ClusterStatus): void;
  /** `cluster`, with the status written last when that is newer. */
  latest(cluster: HyperpageCluster): HyperpageCluster;
  forget(uid: string): void;
}

export function createWrittenStatuses(): WrittenStatuses {
  const written = new Map<string, { version: bigint; status: ClusterStatus }>();
  return {
    wrote: (uid, resourceVersion, status) =>
      void written.set(uid, { version: BigInt(resourceVersion), status }),
    latest: (cluster) => {
      const { uid, resourceVersion } = cluster.metadata;
      const last = written.get(uid);
      if (!last) return cluster;
      if (BigInt(resourceVersion) < last.version) return { ...cluster, status: last.status };
      written.delete(uid);
      return cluster;
    },
    forget: (uid) => void written.delete(uid),
  };
}
