import type { Consistency } from '@hyperpage/contract';
import type { Operation, Snapshot, StoredSession } from './operation.ts';
import type {
  Damaged,
  NotAcknowledged,
  SessionTooLarge,
  StoreReadiness,
  TermOvertaken,
  Unavailable,
} from './port.ts';

export type Applied =
  | { kind: 'ok'; snapshot: Snapshot; consistency: Consistency }
  | { kind: 'removed'; existed: boolean; consistency: Consistency }
  | { kind: 'taken' }
  | { kind: 'not-found' }
  | { kind: 'version-conflict'; version: number }
  | TermOvertaken
  | SessionTooLarge
  | Damaged
  | Unavailable
  | NotAcknowledged;

export type Found =
  | { kind: 'ok'; snapshot: Snapshot; consistency: Consistency }
  | { kind: 'not-found' }
  | Damaged
  | Unavailable;

export type Merged = Extract<
  Applied,
  { kind: 'ok' | 'removed' | 'damaged' | 'unavailable' | 'not-acknowledged' }
>;

/** Where operations are applied: Redis, this process's memory, or one in front of the other. */
export interface SessionTarget {
  apply(operation: Operation): Promise<Applied>;
  /** Joins in what a pod holds (`join`), the tombstone of a removed session too. A session that was removed gives
   *  `removed`, and stays so. */
  merge(sessionId: string, held: StoredSession): Promise<Merged>;
  /** Reads and slides the end of life. `known`: what was read last; when nothing else is there, its leaves come back as the
   *  same object. */
  read(sessionId: string, known?: Snapshot): Promise<Found>;
  /** Sessions alive; undefined when it cannot be known now. */
  count(): Promise<number | undefined>;
  /** Forgets what has expired; gives how many sessions that were. */
  sweep(): Promise<number>;
  ready(): StoreReadiness;
  close(): Promise<void>;
}
