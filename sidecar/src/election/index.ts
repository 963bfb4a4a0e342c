export { disabledElection } from './disabled.ts';
export { createLeaderElection, type LeaderElectionOptions } from './leader-election.ts';
export type { SidecarElectionPeers } from './peers.ts';
export type * from './port.ts';
