import { type HyperpageCluster, LEASE_ANNOTATIONS, namesOf, UNKNOWN_HOLDER } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { metadataOf } from './meta.ts';

/** How the leader Lease begins.
 *  `neverHeld`: nobody can have led yet, so the first election need not wait.
 *  `lost`: the Lease was deleted while somebody may still believe to lead: it comes back as held by someone unknown
 *  since now, with the highest term known, so that everybody waits a full duration first. Otherwise a deletion by
 *  hand would make two leaders. */
export type LeaseBeginning = { kind: 'neverHeld' } | { kind: 'lost'; term: number; nowMs: number };

/** The leader Lease as the operator creates it; afterwards it belongs to the sidecars and is never applied again. */
export function leaderLease(cluster: HyperpageCluster, beginning: LeaseBeginning): Manifest<'Lease'> {
  const lost = beginning.kind === 'lost' ? beginning : undefined;
  const metadata = metadataOf(cluster, namesOf(cluster.metadata.name).leaderLease, 'app');
  const now = lost && microTime(lost.nowMs);
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { ...metadata, annotations: { [LEASE_ANNOTATIONS.term]: String(lost?.term ?? 0) } },
    spec: {
      holderIdentity: lost ? UNKNOWN_HOLDER : '',
      leaseDurationSeconds: Math.ceil(cluster.spec.leaderElection.timeoutMs / 1000),
      ...(now ? { acquireTime: now, renewTime: now } : {}),
    },
  };
}

/** meta/v1 MicroTime: six digits after the second, as the API server wants them. */
const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');
