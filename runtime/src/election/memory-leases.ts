import { LEASE_ANNOTATIONS } from '@hyperpage/contract';
import type { Lease, LeasePort, WriteOutcome } from './lease.ts';

/** One Lease in memory, shared by the candidates of one process. */
export interface MemoryLeases extends LeasePort {
  /** What somebody with kubectl can do. */
  delete(): void;
}

/** `initial`: the Lease at the start, by default one that was never held; 'missing' for none. */
export function createMemoryLeases(
  initial: Lease | 'missing' = neverHeld('leader', 'default'),
): MemoryLeases {
  let revision = 0;
  let stored: Lease | undefined;
  const store = (lease: Lease, uid: string): Lease => {
    revision += 1;
    const metadata = { ...lease.metadata, uid, resourceVersion: String(revision) };
    stored = structuredClone({ ...lease, metadata });
    return structuredClone(stored);
  };
  const create = (lease: Lease): WriteOutcome =>
    stored ? { kind: 'conflict' } : { kind: 'written', lease: store(lease, `uid-${revision + 1}`) };
  if (initial !== 'missing') create(initial);
  return {
    read: async () => (stored ? { kind: 'found', lease: structuredClone(stored) } : { kind: 'missing' }),
    create: async (lease) => create(lease),
    update: async (lease) => {
      if (!stored) return { kind: 'missing' };
      const { uid, resourceVersion } = stored.metadata;
      return lease.metadata.resourceVersion === resourceVersion
        ? { kind: 'written', lease: store(lease, uid ?? '') }
        : { kind: 'conflict' };
    },
    delete: () => {
      stored = undefined;
    },
  };
}

/** A Lease that nobody has held yet: the first election on it is immediate. */
export const neverHeld = (name: string, namespace: string): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, namespace, annotations: { [LEASE_ANNOTATIONS.term]: '0' } },
  spec: { holderIdentity: '' },
});
