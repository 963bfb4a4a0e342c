import type { CoordinationMessage, GapNotice, Priority } from '@hyperpage/contract';

/** A message to send. `to` absent: every pod gets it, the sender included. */
export interface OutgoingMessage {
  type: string;
  /** Any JSON. */
  payload: unknown;
  to?: string;
  /** Default `normal`. */
  priority?: Priority;
  /** Sent only if no later leader's term is known. */
  term?: number;
}

export type SendOutcome =
  | { kind: 'sent'; id: string }
  /** The pod's share of this priority is used up; try again after so many milliseconds. */
  | { kind: 'rate-limited'; retryAfterMs: number }
  | { kind: 'too-large'; bytes: number; limitBytes: number }
  | { kind: 'term-overtaken'; highest: number }
  /** Redis did not confirm it. It may have been sent all the same when the answer was lost on the way. */
  | { kind: 'unavailable'; reason: string };

/** What a subscriber gets. `cursor` is where to go on from after this event (`Last-Event-ID`). */
export type BusEvent =
  | { kind: 'message'; message: CoordinationMessage; cursor: string }
  /** Messages between the event before and the next one may be missing. */
  | { kind: 'gap'; reason: GapNotice['reason']; cursor: string };

export type BusListener = (event: BusEvent) => void;

export interface Subscription {
  /** Where this subscriber stands, also before its first event. */
  cursor(): string;
  close(): void;
}

export interface SubscribeOptions {
  /** A cursor of this pod's bus: everything after it is replayed first. Absent: from now on. A text that is no
   *  cursor gives a `gap` (reset) and then goes on from now. */
  from?: string;
}

/** Messages between pods: to all, to one, and the election's own.
 *
 *  Promises: FIFO for each sender and receiver; each message once to each subscriber, or a declared `gap`. */
export interface Bus {
  /** @throws RangeError for the type `election`, which is the sidecar's own. */
  send(message: OutgoingMessage): Promise<SendOutcome>;
  /** Tells every pod about the leadership, on the election channel; not rate-limited. */
  announceElection(payload: unknown): Promise<SendOutcome>;
  /** Calls `listener` for broadcasts, direct messages to this pod and election messages. The listener must not
   *  block; one that cannot keep up buffers, within bounds, and declares its own `overflow`. */
  subscribe(listener: BusListener, options?: SubscribeOptions): Subscription;
  /** Whether every channel is followed: what is sent from now on reaches the subscribers. */
  ready(): boolean;
  close(): Promise<void>;
}
