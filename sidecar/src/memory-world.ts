import type { MemoryLogState } from './bus/memory-log.ts';
import type { MemoryMembers } from './membership/memory-registry.ts';
import type { StoredSession } from './sessions/operation.ts';

/** What Redis is to sidecars in pods: the one thing that sidecars in one process share (embedded mode, tests). */
export class MemoryWorld {
  readonly sessions = new Map<string, StoredSession>();
  readonly logs = new Map<string, MemoryLogState>();
  readonly members: MemoryMembers = { records: new Map(), listeners: new Set() };
  /** Called after the world became reachable again. */
  readonly onReachable = new Set<() => void>();
  termFloor = 0;
  #reachable = true;

  /** False: every adapter behaves as if Redis were gone. */
  get reachable(): boolean {
    return this.#reachable;
  }

  set reachable(value: boolean) {
    this.#reachable = value;
    if (value) for (const listener of this.onReachable) listener();
  }
}
