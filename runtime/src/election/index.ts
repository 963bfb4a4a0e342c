/** Leader election on one Kubernetes Lease: for the sidecars of an app, and for the operator's own replicas. */

export { wakeAtMs } from './decide.ts';
export {
  createElection,
  type Election,
  type ElectionNotice,
  type ElectionOptions,
  type ElectionPeers,
} from './election.ts';
export { type Elector, electorsOf } from './electors.ts';
export { createKubeLeases, type KubeLeasesOptions } from './kube-leases.ts';
export {
  identityOf,
  type Lease,
  type LeasePort,
  type LeaseSpec,
  microTime,
  podOf,
  type ReadOutcome,
  type WriteOutcome,
} from './lease.ts';
export { createMemoryLeases, type MemoryLeases, neverHeld } from './memory-leases.ts';
export type { Answer, Ask } from './promise.ts';
export {
  type AskEffect,
  type Effect,
  type ElectionConfig,
  type ElectionState,
  type Instant,
  initialState,
} from './state.ts';
export { type ElectionEvent, step } from './step.ts';
