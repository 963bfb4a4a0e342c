import { HyperpageError } from '../errors.ts';
import type { InvalidSession, MigrationCheckpoint } from './ledger.ts';

export interface Batch {
  /** Sessions before it. */
  position: number;
  /** Sessions in it: those to send and those that cannot be sent. */
  size: number;
  lastSessionId: string;
  entries: Array<{ sessionId: string; session: unknown }>;
  invalid: InvalidSession[];
}

export type Pairs =
  | Iterable<readonly [sessionId: string, session: unknown]>
  | AsyncIterable<readonly [sessionId: string, session: unknown]>;

/** Most text in one request, in characters: three bytes each at most, and the sidecar takes 4 MiB. */
const MAX_BATCH_CHARS = 1024 * 1024;

/** The sessions after `from`, in batches of at most `batchSize`.
 *  @throws HyperpageError `invalid-argument` when `from` is a checkpoint of other sessions */
export async function* batchesOf(
  pairs: Pairs,
  batchSize: number,
  from: MigrationCheckpoint | undefined,
): AsyncGenerator<Batch, void> {
  const skipped = from?.position ?? 0;
  let position = 0;
  let batch: Batch | undefined;
  let chars = 0;
  for await (const [sessionId, session] of pairs) {
    position += 1;
    if (position === skipped && sessionId !== from?.lastSessionId) throw otherSessions();
    if (position <= skipped) continue;
    const written = writtenOf(sessionId, session);
    if (batch && (batch.size === batchSize || chars + written.chars > MAX_BATCH_CHARS)) {
      yield batch;
      batch = undefined;
    }
    if (!batch) {
      batch = { position: position - 1, size: 0, lastSessionId: sessionId, entries: [], invalid: [] };
      chars = 0;
    }
    batch.size += 1;
    batch.lastSessionId = sessionId;
    chars += written.chars;
    if (written.detail === undefined) batch.entries.push({ sessionId, session });
    else batch.invalid.push({ sessionId, field: '/session', detail: written.detail });
  }
  if (position < skipped) throw otherSessions();
  if (batch) yield batch;
}

/** Length of a session as JSON, or why it has none: a loop of references, a bigint. */
function writtenOf(sessionId: string, session: unknown): { chars: number; detail?: string } {
  try {
    return { chars: sessionId.length + (JSON.stringify(session) ?? '').length + 32 };
  } catch (error) {
    return { chars: 0, detail: `/session cannot be written as JSON: ${(error as Error).message}` };
  }
}

const otherSessions = () =>
  new HyperpageError(
    'invalid-argument',
    'the checkpoint is of other sessions than these; start without it: what is there already stays as it is',
  );
