import type { Leaves, SessionMoments } from './leaves.ts';
import { after, type Stamp, stamped, stampOfLeaf } from './stamps.ts';

/** A write, as a value: what the group commit sends. `opId` makes it idempotent: the store remembers the last few of each
 *  session. The leaves are JSON text without stamps. */
export type Operation = {
  sessionId: string;
  opId: string;
  /** Of who leads: the write is refused where a higher one is known. */
  term?: number;
} & (
  | { kind: 'create'; leaves: Leaves; createdMs: number }
  | {
      kind: 'update';
      leaves: Leaves;
      /** When it was asked for; a leaf that was written later gets the moment after that. */
      stamp: Stamp;
      ifVersion?: number;
    }
  /** `bury`: a tombstone even where nothing is. Removals while Redis is gone leave one, since another pod may hold the
   *  session; a request's do not, or anybody could fill Redis with tombstones. */
  | { kind: 'remove'; bury?: boolean }
);

/** A session as it stands after an operation or a read. Its leaves are as they are stored (stamps.ts). */
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
  const leaves = new Map(live?.leaves);
  for (const [name, json] of operation.leaves) leaves.set(name, written(json, operation, live, name));
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

/** The leaf as it is stored. */
function written(
  json: string,
  operation: Extract<Operation, { leaves: Leaves }>,
  live: Snapshot | undefined,
  name: string,
): string {
  if (operation.kind === 'create') return json;
  const before = live?.leaves.get(name);
  const { stamp } = operation;
  const earliest = before === undefined ? stamp : after(stampOfLeaf(before, live?.createdMs ?? 0));
  return stamped(json, stamp > earliest ? stamp : earliest);
}

/** What is held when `theirs` is learned beside `ours`: of every leaf the later one, and gone is gone. The order of joining,
 *  and joining again, make no difference to the leaves. The Redis Function does the same, word for word. */
export function join(ours: StoredSession | undefined, theirs: StoredSession): StoredSession {
  if (!ours) return theirs;
  if (ours.kind === 'gone' || theirs.kind === 'gone') {
    const ends = [ours, theirs].map(({ kind, expiresMs }) => (kind === 'gone' ? expiresMs : 0));
    return { kind: 'gone', expiresMs: Math.max(...ends) };
  }
  const leaves = new Map(ours.leaves);
  for (const [name, value] of theirs.leaves) {
    const before = ours.leaves.get(name);
    if (before === undefined || isLater(value, theirs.createdMs, before, ours.createdMs))
      leaves.set(name, value);
  }
  const learned = [...leaves].some(([name, value]) => ours.leaves.get(name) !== value);
  return {
    kind: 'live',
    leaves,
    version: Math.max(ours.version + (learned ? 1 : 0), theirs.version),
    createdMs: Math.min(ours.createdMs, theirs.createdMs),
    updatedMs: Math.max(ours.updatedMs, theirs.updatedMs),
    activeMs: Math.max(ours.activeMs, theirs.activeMs),
    expiresMs: Math.max(ours.expiresMs, theirs.expiresMs),
    ops: ours.ops,
  };
}

/** Of two that were written in the same moment every pod takes the same one. */
function isLater(leaf: string, createdMs: number, other: string, otherCreatedMs: number): boolean {
  const stamp = stampOfLeaf(leaf, createdMs);
  const otherStamp = stampOfLeaf(other, otherCreatedMs);
  return stamp === otherStamp ? leaf > other : stamp > otherStamp;
}

/** What MAX_SESSION_BYTES limits. */
export const bytesOf = (leaves: Leaves) => {
  let bytes = 0;
  for (const [name, value] of leaves) bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes;
};
