export { disabledElection } from './disabled.ts';
export { createLeaderElection, type LeaderElectionOptions } from './leader-election.ts';
export type * from './port.ts';
