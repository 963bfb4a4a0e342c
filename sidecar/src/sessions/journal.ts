import type { Operation } from './operation.ts';

export interface JournalEntry {
  operation: Operation;
  /** On the monotonic clock. */
  atMs: number;
  bytes: number;
}

/** Operations that were answered while Redis was gone and that it has not got yet, in order for each session. Bounded:
 *  when it is full an operation is refused, never one forgotten. */
export class Journal {
  readonly #queues = new Map<string, JournalEntry[]>();
  readonly #most: { operations: number; bytes: number };
  #operations = 0;
  #bytes = 0;

  constructor(most: { operations: number; bytes: number }) {
    this.#most = most;
  }

  get size(): number {
    return this.#operations;
  }

  has(sessionId: string): boolean {
    return this.#queues.has(sessionId);
  }

  sessionIds(): string[] {
    return [...this.#queues.keys()];
  }

  /** Whether there was room. */
  push(operation: Operation, atMs: number): boolean {
    const bytes = bytesOf(operation);
    if (this.#operations >= this.#most.operations || this.#bytes + bytes > this.#most.bytes) return false;
    const queue = this.#queues.get(operation.sessionId);
    const entry = { operation, atMs, bytes };
    if (queue) queue.push(entry);
    else this.#queues.set(operation.sessionId, [entry]);
    this.#operations += 1;
    this.#bytes += bytes;
    return true;
  }

  first(sessionId: string): JournalEntry | undefined {
    return this.#queues.get(sessionId)?.[0];
  }

  /** Removes the session's first operation. */
  shift(sessionId: string): void {
    const queue = this.#queues.get(sessionId);
    const entry = queue?.shift();
    if (entry) {
      this.#operations -= 1;
      this.#bytes -= entry.bytes;
    }
    if (queue?.length === 0) this.#queues.delete(sessionId);
  }
}

function bytesOf(operation: Operation): number {
  let bytes = 200 + operation.sessionId.length;
  if (operation.kind !== 'remove') {
    for (const [name, value] of operation.leaves) bytes += 64 + name.length + 2 * value.length;
  }
  return bytes;
}
