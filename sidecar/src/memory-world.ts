import type { Answer, Ask } from '@hyperpage/runtime';
import type { MemoryLogState } from './bus/memory-log.ts';
import type { MemoryMembers } from './membership/memory-registry.ts';
import type { StoredSession } from './sessions/operation.ts';
import type { PeerService } from './sessions/peers.ts';

/** The sidecars of one process, to each other. */
class MemoryElectors {
  readonly #answers = new Map<string, (ask: Ask) => Answer>();
  readonly #followers = new Set<(hosts: readonly string[]) => void>();

  ask = (host: string, ask: Ask): Answer | undefined => this.#answers.get(host)?.(ask);

  join(host: string, answer: (ask: Ask) => Answer): void {
    this.#answers.set(host, answer);
    this.#tell();
  }

  leave(host: string): void {
    this.#answers.delete(host);
    this.#tell();
  }

  follow(follower: (hosts: readonly string[]) => void): () => void {
    this.#followers.add(follower);
    follower([...this.#answers.keys()]);
    return () => this.#followers.delete(follower);
  }

  #tell(): void {
    for (const follower of this.#followers) follower([...this.#answers.keys()]);
  }
}

/** What Redis is to sidecars in pods: the one thing that sidecars in one process share (embedded mode, tests). */
export class MemoryWorld {
  readonly sessions = new Map<string, StoredSession>();
  readonly logs = new Map<string, MemoryLogState>();
  readonly members: MemoryMembers = { records: new Map(), listeners: new Set(), epoch: 0 };
  /** The sidecars themselves, by pod: what the network is to pods. */
  readonly peers = new Map<string, PeerService>();
  /** What each of them answers about leadership. */
  readonly electors = new MemoryElectors();
  /** Called after the world became reachable again. */
  readonly onReachable = new Set<() => void>();
  termFloor = 0;
  #positions = 0;
  #reachable = true;

  /** Positions of all logs are of one sequence: none comes twice, also when a log was forgotten. */
  nextPosition(): string {
    this.#positions += 1;
    return `${this.#positions}-0`;
  }

  /** Forgets everything, as a Redis that comes back empty. */
  forget(): void {
    this.sessions.clear();
    this.members.records.clear();
    this.members.epoch += 1;
    this.termFloor = 0;
    for (const log of this.logs.values()) Object.assign(log, { entries: [], last: '0-0', trimmed: '0-0' });
  }

  /** False: every adapter behaves as if Redis were gone. */
  get reachable(): boolean {
    return this.#reachable;
  }

  set reachable(value: boolean) {
    this.#reachable = value;
    if (value) for (const listener of this.onReachable) listener();
  }
}
