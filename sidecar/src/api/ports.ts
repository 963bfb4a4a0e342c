import type { SidecarSettings } from '@hyperpage/contract';
import type { Clock, Logger, Registry } from '@hyperpage/runtime';
import type { Bus } from '../bus/index.ts';
import type { LeaderElection } from '../election/index.ts';
import type { Membership } from '../membership/index.ts';
import type { SessionStore } from '../sessions/index.ts';

/** What the API stands on. */
export interface ApiPorts {
  settings: Pick<
    SidecarSettings,
    'podName' | 'secureCookie' | 'sessionBindIp' | 'coordinationEnabled' | 'electionEnabled'
  >;
  election: LeaderElection;
  bus: Bus;
  membership: Membership;
  sessions: SessionStore;
  /** What is still missing before the sidecar is ready, in words; empty when it is. */
  missing: () => string[];
  clock: Clock;
  log: Logger;
  registry: Registry;
  /** Gives a new session id: unguessable, 128 bits or more. */
  newSessionId: () => string;
}
