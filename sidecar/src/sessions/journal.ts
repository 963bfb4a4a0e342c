import { join, type StoredSession } from './operation.ts';

export interface JournalEntry {
  held: StoredSession;
  /** When the first write came that Redis has not got, on the monotonic clock. */
  sinceMs: number;
  /** Other pods that hold all of it. */
  peers: number;
  bytes: number;
}

/** Sessions with writes that were answered while Redis was gone and that it has not got yet. Bounded: when it is full a
 *  write is refused, never one forgotten. */
export class Journal {
  readonly #entries = new Map<string, JournalEntry>();
  readonly #most: { sessions: number; bytes: number };
  #bytes = 0;

  constructor(most: { sessions: number; bytes: number }) {
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(sessionId: string): JournalEntry | undefined {
    return this.#entries.get(sessionId);
  }

  sessionIds(): string[] {
    return [...this.#entries.keys()];
  }

  /** Joins in `held`, which other pods do not hold yet. Gives the entry, or undefined when there is no room for more. */
  add(sessionId: string, held: StoredSession, nowMs: number): JournalEntry | undefined {
    const before = this.#entries.get(sessionId);
    const joined = join(before?.held, held);
    const bytes = bytesOf(sessionId, joined);
    const grown = this.#bytes + bytes - (before?.bytes ?? 0);
    if (bytes > (before?.bytes ?? 0)) {
      if (!before && this.#entries.size >= this.#most.sessions) return undefined;
      if (grown > this.#most.bytes) return undefined;
    }
    const entry = { held: joined, sinceMs: before?.sinceMs ?? nowMs, peers: 0, bytes };
    this.#entries.set(sessionId, entry);
    this.#bytes = grown;
    return entry;
  }

  /** Forgets the entry, if it is still this one: what was written since stays. */
  settle(sessionId: string, entry: JournalEntry): void {
    if (this.#entries.get(sessionId) !== entry) return;
    this.#entries.delete(sessionId);
    this.#bytes -= entry.bytes;
  }
}

/** About what it takes in memory: text, and what JavaScript adds to each of it. */
export function bytesOf(sessionId: string, stored: StoredSession): number {
  let bytes = 200 + sessionId.length;
  if (stored.kind === 'live') {
    for (const [name, value] of stored.leaves) bytes += 64 + name.length + 2 * value.length;
  }
  return bytes;
}
