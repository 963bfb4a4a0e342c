import { LEASE_ANNOTATIONS } from '@hyperpage/contract';
import type { Lease } from './lease.ts';

/** The term in the Lease; 0 when there is none that can be read. */
export function termOf(lease: Lease): number {
  const text = lease.metadata.annotations?.[LEASE_ANNOTATIONS.term] ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
