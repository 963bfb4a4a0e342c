import { bytesOf } from './journal.ts';
import type { Snapshot, StoredSession } from './operation.ts';

/** Sessions that this pod has seen, for when Redis is gone: bounded by number and bytes. The oldest go first, but for
 *  those that were used since they were looked at last: they count as new (second chance). A copy may be older than what
 *  Redis has; answers from it say `local`. */
export class LocalCopies {
  readonly #copies = new Map<string, { stored: StoredSession; bytes: number; used: boolean }>();
  readonly #most: { sessions: number; bytes: number };
  #bytes = 0;

  constructor(most: { sessions: number; bytes: number }) {
    this.#most = most;
  }

  get size(): number {
    return this.#copies.size;
  }

  get(sessionId: string): StoredSession | undefined {
    const copy = this.#copies.get(sessionId);
    if (!copy) return undefined;
    copy.used = true;
    return copy.stored;
  }

  set(sessionId: string, stored: StoredSession): void {
    this.delete(sessionId);
    const bytes = bytesOf(sessionId, stored);
    // Ends: each that is moved behind the others has lost its chance.
    for (const [oldest, copy] of this.#copies) {
      if (this.#copies.size < this.#most.sessions && this.#bytes + bytes <= this.#most.bytes) break;
      this.#copies.delete(oldest);
      if (copy.used) this.#copies.set(oldest, { ...copy, used: false });
      else this.#bytes -= copy.bytes;
    }
    if (bytes > this.#most.bytes) return;
    this.#copies.set(sessionId, { stored, bytes, used: false });
    this.#bytes += bytes;
  }

  entries(): Array<[sessionId: string, stored: StoredSession]> {
    return [...this.#copies].map(([sessionId, { stored }]) => [sessionId, stored]);
  }

  /** Notes that the copy is of `snapshot`, which was used just now. False when it is of something else. */
  touch(sessionId: string, snapshot: Snapshot, expiresMs: number): boolean {
    const copy = this.#copies.get(sessionId);
    if (copy?.stored.kind !== 'live' || copy.stored.leaves !== snapshot.leaves) return false;
    copy.stored.activeMs = snapshot.activeMs;
    copy.stored.expiresMs = expiresMs;
    return true;
  }

  delete(sessionId: string): void {
    const copy = this.#copies.get(sessionId);
    if (!copy) return;
    this.#copies.delete(sessionId);
    this.#bytes -= copy.bytes;
  }

  /** Forgets what has expired; gives how many live sessions that were. */
  sweep(nowMs: number): number {
    let expired = 0;
    for (const [id, { stored }] of this.#copies) {
      if (stored.expiresMs > nowMs) continue;
      this.delete(id);
      if (stored.kind === 'live') expired += 1;
    }
    return expired;
  }
}

/** What is stored, of a snapshot that Redis gave. */
export const copyOf = (snapshot: Snapshot, expiresMs: number): StoredSession => ({
  kind: 'live',
  leaves: snapshot.leaves,
  version: snapshot.version,
  createdMs: snapshot.createdMs,
  updatedMs: snapshot.updatedMs,
  activeMs: snapshot.activeMs,
  expiresMs,
  ops: [],
});
