import type { CoordinationMessage, GapNotice } from '@hyperpage/contract';
import { type Clock, every, type Timer } from '@hyperpage/runtime';
import type { Decoded } from './envelope.ts';
import { comparePositions, type LogEntry, type MessageLog, type Push } from './log.ts';
import type { DropReason } from './metrics.ts';

export interface FollowerSink {
  message(message: CoordinationMessage, position: string): void;
  gap(reason: GapNotice['reason'], position: string): void;
  /** The first contact: following begins here. */
  started(position: string): void;
  dropped(reason: DropReason): void;
}

export interface FollowerOptions {
  clock: Clock;
  decode: (envelope: string) => Decoded | { failure: DropReason };
  /** Message ids remembered; no fewer than the log keeps, so that a re-read after a reset doubles nothing. */
  remember: number;
}

const PAGE = 256;
const POLL_MS = 3000;
const MOST_PENDING = 1024;

/** Follows one channel's log.
 *
 *  F1. A push is delivered only if it continues the cursor; otherwise the log is read from the cursor.
 *  F2. While the log is read pushes wait, and are looked at again by F1 after it.
 *  F3. A message id is delivered once, also when a rolled-back log brings it again.
 *  F4. When the log cannot say what followed the cursor, a gap is declared before anything else. */
export class Follower {
  /** Position of the last entry that was delivered or passed over; undefined before the first contact. */
  #cursor: string | undefined;
  /** Where following began: what lies before was never ours. */
  #origin = '';
  #reading = false;
  #again = false;
  #closed = false;
  #pending: Push[] = [];
  readonly #seen = new Set<string>();
  readonly #timer: Timer;
  readonly #log: MessageLog;
  readonly #channel: string;
  readonly #sink: FollowerSink;
  readonly #options: FollowerOptions;

  constructor(log: MessageLog, channel: string, sink: FollowerSink, options: FollowerOptions) {
    this.#log = log;
    this.#channel = channel;
    this.#sink = sink;
    this.#options = options;
    log.follow(channel, {
      onPush: (push) => this.#offer(push),
      onGarbage: () => sink.dropped('not-a-push'),
      onConnect: () => void this.catchUp(),
    });
    // Pub/sub may lose a push and nobody would know: look now and then.
    this.#timer = every(
      options.clock,
      POLL_MS,
      () => this.catchUp(),
      () => {},
    );
  }

  get cursor(): string | undefined {
    return this.#cursor;
  }

  close(): void {
    this.#closed = true;
    this.#timer.cancel();
  }

  /** Reads the log from the cursor to its end. Never rejects: without an answer the next push, poll or connection
   *  tries again. */
  async catchUp(): Promise<void> {
    this.#again = true;
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        await this.#readOn();
        this.#drainPending();
      }
    } catch {
      this.#pending = [];
    } finally {
      this.#reading = false;
    }
  }

  async #readOn(): Promise<void> {
    if (this.#cursor === undefined) {
      const last = await this.#log.last(this.#channel);
      // A push that came before this answer is after our beginning all the same.
      this.#cursor = this.#pending[0]?.previous ?? last;
      this.#origin = this.#cursor;
      this.#sink.started(this.#cursor);
      return;
    }
    for (let more = true; more && !this.#closed; ) {
      const page = await this.#log.read(this.#channel, this.#cursor, PAGE);
      const broken = page.lineage !== 'intact';
      if (broken) this.#cursor = page.entries.length > 0 ? this.#cursor : page.last;
      if (page.lineage === 'trimmed' || page.lineage === 'reset') this.#sink.gap(page.lineage, this.#cursor);
      for (const entry of page.entries) {
        if (broken && comparePositions(entry.id, this.#origin) <= 0) this.#cursor = entry.id;
        else this.#take(entry);
      }
      more = page.more;
    }
  }

  #offer(push: Push): void {
    if (this.#closed) return;
    if (this.#reading || this.#cursor === undefined) {
      if (this.#pending.length < MOST_PENDING) this.#pending.push(push);
      else this.#again = true;
    } else if (push.previous === this.#cursor) this.#take(push);
    else if (comparePositions(push.id, this.#cursor) > 0) void this.catchUp();
    else this.#sink.dropped('duplicate');
  }

  #drainPending(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const push of pending) {
      if (push.previous === this.#cursor) this.#take(push);
      else if (comparePositions(push.id, this.#cursor ?? push.id) > 0) this.#again = true;
    }
  }

  #take(entry: LogEntry): void {
    this.#cursor = entry.id;
    const decoded = this.#options.decode(entry.envelope);
    if ('failure' in decoded) return this.#sink.dropped(decoded.failure);
    const { id } = decoded.message;
    if (this.#seen.has(id)) return this.#sink.dropped('duplicate');
    this.#seen.add(id);
    if (this.#seen.size > this.#options.remember) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
    this.#sink.message(decoded.message, entry.id);
  }
}
