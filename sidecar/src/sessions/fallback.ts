import { backoffMs, type Clock, type Logger, type Timer } from '@hyperpage/runtime';
import { Journal, type JournalEntry } from './journal.ts';
import { copyOf, LocalCopies } from './local-copies.ts';
import type { FallbackMetrics } from './metrics.ts';
import { applyOperation, MAX_SESSION_BYTES, type Operation, TOMBSTONE_MS } from './operation.ts';
import type { Applied, Found, SessionTarget } from './target.ts';

export interface FallbackOptions {
  clock: Clock;
  random: () => number;
  log: Logger;
  ttlMs: number;
  metrics: FallbackMetrics;
  /** Calls back when the remote target is in reach again. Gives the way to stop. */
  onReachable: (listener: () => void) => () => void;
  most?: { sessions: number; copyBytes: number; operations: number; journalBytes: number };
}

const MIB = 1024 * 1024;
const MOST = { sessions: 5000, copyBytes: 8 * MIB, operations: 10_000, journalBytes: 8 * MIB };
/** Shorter than a tombstone: what was removed elsewhere meanwhile stays removed (S2). */
const JOURNAL_MAX_AGE_MS = TOMBSTONE_MS - 3_600_000;
const RETRY = { baseMs: 250, maxMs: 5000 };
const PARALLEL = 32;
/** On closing, what is still in the journal gets this long. */
const FLUSH_MS = 2000;

/** Sessions go on while Redis is gone: from copies of what this pod has seen, with writes in a journal that is replayed
 *  when it is back.
 *
 *  R1. A session with operations in the journal is served from here until Redis has them all: reads see own writes.
 *  R2. Operations of a session are replayed in order, each under its own id: one that Redis has already (only its
 *      answer was lost) changes nothing.
 *  R3. A removal wins over everything in the journal, here or there. An update never makes a session.
 *  R4. Full is refused. Nothing that was answered is forgotten but by age, by a removal, or with this process. */
export function withFallback(remote: SessionTarget, options: FallbackOptions): SessionTarget {
  const { clock, random, log, ttlMs, metrics } = options;
  const most = options.most ?? MOST;
  const copies = new LocalCopies({ sessions: most.sessions, bytes: most.copyBytes });
  const journal = new Journal({ operations: most.operations, bytes: most.journalBytes });
  let replaying: Promise<void> | undefined;
  let retry: Timer | undefined;
  let attempts = 0;

  const remember = (sessionId: string, outcome: Applied | Found) => {
    if (outcome.kind === 'ok') copies.set(sessionId, copyOf(outcome.snapshot, clock.wallMs() + ttlMs));
    else if (outcome.kind === 'removed') {
      copies.set(sessionId, { kind: 'gone', expiresMs: clock.wallMs() + TOMBSTONE_MS });
    } else if (outcome.kind === 'not-found') copies.delete(sessionId);
  };

  function applyHere(asked: Operation, reason: string): Applied {
    const operation: Operation = asked.kind === 'remove' ? { ...asked, bury: true } : asked;
    const { sessionId } = operation;
    const copy = copies.get(sessionId);
    if (operation.kind === 'update' && !copy) {
      return { kind: 'unavailable', reason: `${reason}, and this pod has not seen the session` };
    }
    const verdict = applyOperation(copy, operation, clock.wallMs(), ttlMs);
    if (verdict.kind === 'too-large') return { ...verdict, limitBytes: MAX_SESSION_BYTES };
    if (verdict.kind !== 'ok' && verdict.kind !== 'removed') return verdict;
    if (!journal.push(operation, clock.monotonicMs())) {
      metrics.refused.inc();
      return { kind: 'unavailable', reason: `${reason}, and the journal of writes is full` };
    }
    if (journal.size === 1) log.warn({ reason }, 'sessions go on in the memory of this pod');
    metrics.journal.set(journal.size);
    copies.set(sessionId, verdict.stored);
    scheduleReplay();
    return verdict.kind === 'ok'
      ? { kind: 'ok', snapshot: verdict.stored, consistency: 'local' }
      : { kind: 'removed', existed: verdict.existed || !copy, consistency: 'local' };
  }

  function readHere(sessionId: string, reason: string): Found {
    const copy = copies.get(sessionId);
    const nowMs = clock.wallMs();
    if (!copy) return { kind: 'unavailable', reason: `${reason}, and this pod has not seen the session` };
    if (copy.kind === 'gone' || copy.expiresMs <= nowMs) return { kind: 'not-found' };
    const used = { ...copy, activeMs: nowMs, expiresMs: nowMs + ttlMs };
    copies.set(sessionId, used);
    return { kind: 'ok', snapshot: used, consistency: 'local' };
  }

  /** What became of a replayed operation: `stop` means that Redis is gone again. */
  function settle({ operation }: JournalEntry, outcome: Applied): 'next' | 'stop' {
    const { sessionId } = operation;
    if (outcome.kind === 'unavailable' || outcome.kind === 'not-acknowledged') return 'stop';
    journal.shift(sessionId);
    if (outcome.kind === 'ok' || outcome.kind === 'removed') {
      metrics.replayed.inc();
      if (!journal.has(sessionId)) remember(sessionId, outcome);
      return 'next';
    }
    metrics.dropped.inc({ reason: outcome.kind });
    log.warn(
      { operation: operation.kind, outcome: outcome.kind },
      'a session write from the journal had no place',
    );
    if (!journal.has(sessionId)) copies.delete(sessionId);
    return 'next';
  }

  async function replaySession(sessionId: string): Promise<'done' | 'stop'> {
    for (let entry = journal.first(sessionId); entry; entry = journal.first(sessionId)) {
      if (clock.monotonicMs() - entry.atMs > JOURNAL_MAX_AGE_MS) {
        journal.shift(sessionId);
        metrics.dropped.inc({ reason: 'too-old' });
        continue;
      }
      if (settle(entry, await remote.apply(unconditional(entry.operation))) === 'stop') return 'stop';
    }
    return 'done';
  }

  async function replay(): Promise<void> {
    const sessionIds = journal.sessionIds();
    const before = journal.size;
    let stopped = false;
    const worker = async () => {
      for (let id = sessionIds.pop(); id !== undefined && !stopped; id = sessionIds.pop()) {
        if ((await replaySession(id)) === 'stop') stopped = true;
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    metrics.journal.set(journal.size);
    if (journal.size === 0) log.info({ operations: before }, 'sessions written back to Redis');
    attempts = journal.size < before ? 0 : attempts + 1;
    if (journal.size > 0) scheduleReplay();
  }

  function startReplay(): Promise<void> {
    retry?.cancel();
    retry = undefined;
    replaying ??= replay().finally(() => {
      replaying = undefined;
    });
    return replaying;
  }

  function scheduleReplay(): void {
    retry ??= clock.after(backoffMs(attempts, RETRY, random), () => void startReplay());
  }

  const stopListening = options.onReachable(() => {
    if (journal.size > 0) void startReplay();
  });

  return {
    async apply(operation) {
      if (journal.has(operation.sessionId)) return applyHere(operation, 'Redis does not have all writes yet');
      const outcome = await remote.apply(operation);
      if (outcome.kind === 'unavailable') return applyHere(operation, outcome.reason);
      remember(operation.sessionId, outcome);
      return outcome;
    },
    async read(sessionId) {
      if (journal.has(sessionId)) return readHere(sessionId, 'Redis does not have all writes yet');
      const outcome = await remote.read(sessionId);
      // Written here while Redis was asked: its answer is older.
      if (outcome.kind === 'unavailable' || journal.has(sessionId))
        return readHere(sessionId, 'Redis is not reachable');
      remember(sessionId, outcome);
      return outcome;
    },
    count: () => remote.count(),
    async sweep() {
      copies.sweep(clock.wallMs());
      return remote.sweep();
    },
    ready() {
      const readiness = remote.ready();
      return readiness.ready ? readiness : { ...readiness, ready: true, consistency: 'local' };
    },
    async close() {
      stopListening();
      await flush();
      retry?.cancel();
      if (journal.size > 0) {
        log.error({ operations: journal.size }, 'session writes are lost: Redis was not back before the end');
      }
      await remote.close();
    },
  };

  async function flush(): Promise<void> {
    if (journal.size === 0) return;
    await Promise.race([startReplay(), new Promise<void>((resolve) => void clock.after(FLUSH_MS, resolve))]);
  }
}

/** Its condition was met here when it was answered, and the version there may be another by now. */
function unconditional(operation: Operation): Operation {
  if (operation.kind !== 'update') return operation;
  const { ifVersion: _, ...rest } = operation;
  return rest;
}
