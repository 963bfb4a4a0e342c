/** Messages of a channel, kept in order for a while: what makes a push that got lost harmless. */

/** Position before the first entry of every log. */
export const LOG_START = '0-0';

export interface LogEntry {
  /** Position, of Redis's form `<ms>-<n>`; grows along the log. */
  id: string;
  envelope: string;
}

export interface Push extends LogEntry {
  /** Position of the entry before it: a reader that stands elsewhere has missed something. */
  previous: string;
}

export interface LogPage {
  /** `intact`: entries follow the cursor. `trimmed`: entries after the cursor are gone. `reset`: the cursor is not of
   *  this log (Redis lost it or was rolled back). On the last two, entries begin with the oldest that is kept. */
  lineage: 'intact' | 'trimmed' | 'reset';
  entries: LogEntry[];
  /** Position of the newest entry, LOG_START when there is none. */
  last: string;
  more: boolean;
}

export interface LogListener {
  onPush(push: Push): void;
  /** Something came over the channel that is no push at all. */
  onGarbage(): void;
  /** Pushes may have been lost: the connection was made or made again. */
  onConnect(): void;
}

/** What was to be appended was said under a term that a higher one has followed. */
export class TermOvertakenError extends Error {
  readonly highest: number;

  constructor(highest: number) {
    super(`term ${highest} is known`);
    this.highest = highest;
  }
}

/** The bus's own port: where envelopes are appended, pushed from and read again. */
export interface MessageLog {
  /** Appends and pushes, in one step; gives the position. Under a `term`, only if no higher one was seen.
   *  @throws TermOvertakenError; Error when nobody confirmed it */
  append(channel: string, envelope: string, term?: number): Promise<string>;
  read(channel: string, after: string, limit: number): Promise<LogPage>;
  /** Position of the newest entry. */
  last(channel: string): Promise<string>;
  /** Starts pushes of `channel`; calls `onConnect` now when connected, and at each new connection. */
  follow(channel: string, listener: LogListener): void;
  close(): Promise<void>;
}

/** Bounds of a channel's log: what comes first rules. */
export interface LogBounds {
  messages: number;
  bytes: number;
  /** How long an abandoned log lasts. */
  idleMs: number;
}

const POSITION = /^(\d{1,16})-(\d{1,16})$/;

export const isPosition = (text: string) => POSITION.test(text);

/** Negative when `a` is before `b` in a log, 0 when they are the same. */
export function comparePositions(a: string, b: string): number {
  const [aMs = '0', aN = '0'] = a.split('-');
  const [bMs = '0', bN = '0'] = b.split('-');
  return Number(aMs) - Number(bMs) || Number(aN) - Number(bN);
}
