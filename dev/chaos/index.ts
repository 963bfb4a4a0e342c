/** Faults, writers, observers and the checker, for `make chaos` and for the cluster tier's tests. */
export { Breaker, type BreakerOptions, type Cast, cast } from './breaker.ts';
export { KIND_NAMES, type KindName, kindsOf } from './catalogue.ts';
export { Fleet, type FleetOptions } from './fleet.ts';
export { type Acknowledged, countOf, History, joined, type Lost } from './history.ts';
export { type Interval, lengthMs, longestGap, overlaps } from './intervals.ts';
export { kubectlFaults } from './kubectl-faults.ts';
export { ownPlace, type Place } from './place.ts';
export { planRounds, type Round } from './plan.ts';
export { conditionLines, missingRedundancy } from './redundancy.ts';
export { faultsFound, type Report, type RoundResult, TWO_PRIMARIES_LIMIT_MS } from './report.ts';
export { runRound, untilRedundant, type World } from './rounds.ts';
export { type ChaosOptions, runChaos } from './run.ts';
export { agentPods, look, type PodSeen, type Site, type Snapshot } from './site.ts';
export { type Action, describeAction, type Step, type Whom } from './steps.ts';
export { SessionClients } from './sessions/clients.ts';
export { Ledger } from './sessions/ledger.ts';
