import type { Consistency, SessionData, SessionUpdates } from '@hyperpage/contract';

export interface SessionOk {
  kind: 'ok';
  session: SessionData;
  /** Grows with every write. */
  version: number;
  consistency: Consistency;
  /** Answers with the same one differ in nothing but `lastActivity`: by it a reader may keep what it made of them. */
  sameAs?: object;
}

/** Redis is not reachable and the fallback is off, full, or does not know the session. A write may have been applied
 *  all the same when only the answer was lost. */
export interface Unavailable {
  kind: 'unavailable';
  reason: string;
}

/** The primary has the write, too few replicas confirmed it in time: it can still be lost. */
export interface NotAcknowledged {
  kind: 'not-acknowledged';
  wanted: number;
  got: number;
}

/** Somebody leads under a later term: nothing was changed. */
export interface TermOvertaken {
  kind: 'term-overtaken';
  /** The highest that is known. */
  highest: number;
}

/** What lies under the session's key is not a session. It is left as it is. */
export interface Damaged {
  kind: 'damaged';
  reason: string;
}

/** The session would grow over the store's limit: nothing was changed. */
export interface SessionTooLarge {
  kind: 'too-large';
  bytes: number;
  limitBytes: number;
}

export type CreateOutcome =
  | SessionOk
  /** There is or lately was a session of this id: nothing was changed. */
  | { kind: 'taken' }
  | TermOvertaken
  | SessionTooLarge
  | Unavailable
  | NotAcknowledged;
export type ReadOutcome = SessionOk | { kind: 'not-found' } | Damaged | Unavailable;
export type UpdateOutcome =
  | SessionOk
  | { kind: 'not-found' }
  | { kind: 'version-conflict'; version: number }
  | TermOvertaken
  | SessionTooLarge
  | Damaged
  | Unavailable
  | NotAcknowledged;
export type RemoveOutcome =
  | { kind: 'ok'; consistency: Consistency }
  | { kind: 'not-found' }
  | TermOvertaken
  | Unavailable
  | NotAcknowledged;

export interface StoreReadiness {
  ready: boolean;
  /** How an answer given now would stand. */
  consistency: Consistency;
  /** Why it is not ready or not `redis`. */
  reason?: string;
}

/** `term`: the write is refused where a higher one is known, and needs Redis: no pod knows all terms. */
export interface UnderTerm {
  term?: number;
}

/** Sessions by id. Ids are the caller's: unguessable, 128 bits or more.
 *
 *  Promises: an acknowledged write survives what DESIGN.md's S1 lists; a deleted session stays deleted (S2);
 *  concurrent updates of different fields both survive (S3). An update sets the leaves it names and no others; arrays,
 *  `filterSettings` and a tool's `settings` are leaves and are replaced whole. */
export interface SessionStore {
  /** `lastActivity` and `metadata.updated` are set by the store. */
  create(sessionId: string, session: SessionData, options?: UnderTerm): Promise<CreateOutcome>;
  /** Reading is use: it slides the session's end of life. */
  read(sessionId: string): Promise<ReadOutcome>;
  update(
    sessionId: string,
    updates: SessionUpdates,
    options?: { ifVersion?: number } & UnderTerm,
  ): Promise<UpdateOutcome>;
  remove(sessionId: string, options?: UnderTerm): Promise<RemoveOutcome>;
  ready(): StoreReadiness;
  /** Sessions alive; undefined when it cannot be known now. */
  activeCount(): Promise<number | undefined>;
  close(): Promise<void>;
}
