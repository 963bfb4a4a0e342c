import type { SidecarSettings } from '@hyperpage/contract';
import type { Clock, Logger, Registry } from '@hyperpage/runtime';
import type { Bus } from './bus/index.ts';
import type { Membership } from './membership/index.ts';
import type { TermFloor } from './redis/port.ts';
import type { SessionStore } from './sessions/index.ts';

/** What every adapter needs from outside. */
export interface AdapterContext {
  /** Name of this pod. */
  podId: string;
  /** One life of this process; random. */
  bootId: string;
  settings: SidecarSettings;
  clock: Clock;
  /** Numbers in [0, 1). */
  random: () => number;
  log: Logger;
  registry: Registry;
}

/** The sidecar's ports, each with one adapter behind it. */
export interface Adapters {
  sessions: SessionStore;
  bus: Bus;
  membership: Membership;
  termFloor: TermFloor;
  /** Whether the store behind was reached at least once since the start (`/readyz`). */
  everConnected(): boolean;
  /** Says goodbye, flushes what can be flushed, and closes every connection. */
  close(): Promise<void>;
}
