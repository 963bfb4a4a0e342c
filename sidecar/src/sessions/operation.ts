import type { Leaves, SessionMoments } from './leaves.ts';

/** A write, as a value: what the group commit sends, the journal keeps and the replay repeats. `opId` makes it
 *  idempotent: the store remembers the last few of each session. */
export type Operation =
  | { kind: 'create'; sessionId: string; opId: string; leaves: Leaves; createdMs: number }
  | { kind: 'update'; sessionId: string; opId: string; leaves: Leaves; ifVersion?: number }
  /** `bury`: a tombstone even where nothing is. The journal's removals leave one, since the session's create may be in
   *  another pod's journal; a request's do not, or anybody could fill Redis with tombstones. */
  | { kind: 'remove'; sessionId: string; opId: string; bury?: boolean };

/** A session as it stands after an operation or a read. */
export interface Snapshot extends SessionMoments {
  leaves: Leaves;
  version: number;
}

/** What is stored under a session's id. `gone` is the tombstone: while it stands nothing brings the session back (S2). */
export type StoredSession =
  | (Snapshot & { kind: 'live'; expiresMs: number; ops: readonly string[] })
  | { kind: 'gone'; expiresMs: number };

export type Verdict =
  | { kind: 'ok'; stored: StoredSession & { kind: 'live' } }
  | { kind: 'removed'; stored: StoredSession; existed: boolean }
  | { kind: 'taken' }
  | { kind: 'not-found' }
  | { kind: 'version-conflict'; version: number }
  | { kind: 'too-large'; bytes: number };

/** Operations remembered for each session. */
export const REMEMBERED_OPERATIONS = 4;
/** Longer than any journal is replayed (JOURNAL_MAX_AGE_MS). */
export const TOMBSTONE_MS = 24 * 3_600_000;
/** Most bytes of all leaves of a session together, names and values. */
export const MAX_SESSION_BYTES = 64 * 1024;

/** What `operation` makes of `stored` at `nowMs`. The Redis Functions do the same, word for word. */
export function applyOperation(
  stored: StoredSession | undefined,
  operation: Operation,
  nowMs: number,
  ttlMs: number,
): Verdict {
  const present = stored && stored.expiresMs > nowMs ? stored : undefined;
  const live = present?.kind === 'live' ? present : undefined;
  if (operation.kind === 'remove') {
    if (!present && !operation.bury) return { kind: 'not-found' };
    return {
      kind: 'removed',
      stored: { kind: 'gone', expiresMs: nowMs + TOMBSTONE_MS },
      existed: live !== undefined,
    };
  }
  if (live?.ops.includes(operation.opId)) return { kind: 'ok', stored: live };
  if (operation.kind === 'create' && present) return { kind: 'taken' };
  if (operation.kind === 'update') {
    if (!live) return { kind: 'not-found' };
    if (operation.ifVersion !== undefined && operation.ifVersion !== live.version) {
      return { kind: 'version-conflict', version: live.version };
    }
  }
  const leaves = new Map([...(live?.leaves ?? []), ...operation.leaves]);
  const bytes = bytesOf(leaves);
  if (bytes > MAX_SESSION_BYTES) return { kind: 'too-large', bytes };
  return {
    kind: 'ok',
    stored: {
      kind: 'live',
      leaves,
      version: (live?.version ?? 0) + 1,
      createdMs: live?.createdMs ?? (operation.kind === 'create' ? operation.createdMs : nowMs),
      updatedMs: nowMs,
      activeMs: nowMs,
      expiresMs: nowMs + ttlMs,
      ops: [...(live?.ops ?? []), operation.opId].slice(-REMEMBERED_OPERATIONS),
    },
  };
}

const bytesOf = (leaves: Leaves) => {
  let bytes = 0;
  for (const [name, value] of leaves) bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes;
};
