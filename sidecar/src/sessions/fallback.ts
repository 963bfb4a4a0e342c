import type { Clock, Logger } from '@hyperpage/runtime';
import { Journal } from './journal.ts';
import { copyOf, LocalCopies } from './local-copies.ts';
import type { FallbackMetrics } from './metrics.ts';
import { applyOperation, MAX_SESSION_BYTES, type Operation, TOMBSTONE_MS } from './operation.ts';
import { Replay } from './replay.ts';
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
const PENDING = 'Redis does not have all writes yet';

/** Sessions go on while Redis is gone: from copies of what this pod has seen, with writes in a journal that is replayed
 *  when it is back.
 *
 *  R1. A session with operations in the journal is served from here until Redis has them all: reads see own writes.
 *  R2. Operations of a session are replayed in order, each under its own id: one that Redis has already (only its
 *      answer was lost) changes nothing.
 *  R3. A removal wins over everything in the journal, here or there. An update never makes a session.
 *  R4. Full is refused. Nothing that was answered is forgotten but by age, by a removal, or with this process. */
export function withFallback(remote: SessionTarget, options: FallbackOptions): SessionTarget {
  const { clock, log, ttlMs, metrics } = options;
  const most = options.most ?? MOST;
  const copies = new LocalCopies({ sessions: most.sessions, bytes: most.copyBytes });
  const journal = new Journal({ operations: most.operations, bytes: most.journalBytes });
  const replay = new Replay({ ...options, journal, remote, onSettled: learn });
  const stopListening = options.onReachable(() => void replay.start());

  /** Keeps what Redis says of a session. */
  function learn(sessionId: string, outcome: Applied | Found): void {
    const nowMs = clock.wallMs();
    if (outcome.kind === 'ok') copies.set(sessionId, copyOf(outcome.snapshot, nowMs + ttlMs));
    else if (outcome.kind === 'removed') {
      copies.set(sessionId, { kind: 'gone', expiresMs: nowMs + TOMBSTONE_MS });
    } else if (outcome.kind === 'not-found' || outcome.kind === 'taken') copies.delete(sessionId);
  }

  function applyHere(asked: Operation, reason: string): Applied {
    const operation: Operation = asked.kind === 'remove' ? { ...asked, bury: true } : asked;
    const copy = copies.get(operation.sessionId);
    if (operation.kind === 'update' && !copy) return unseen(reason);
    const verdict = applyOperation(copy, operation, clock.wallMs(), ttlMs);
    if (verdict.kind === 'too-large') return { ...verdict, limitBytes: MAX_SESSION_BYTES };
    if (verdict.kind !== 'ok' && verdict.kind !== 'removed') return verdict;
    if (!journal.push(operation, clock.monotonicMs())) {
      metrics.refused.inc();
      return { kind: 'unavailable', reason: `${reason}, and the journal of writes is full` };
    }
    if (journal.size === 1) log.warn({ reason }, 'sessions go on in the memory of this pod');
    metrics.journal.set(journal.size);
    copies.set(operation.sessionId, verdict.stored);
    replay.schedule();
    return verdict.kind === 'ok'
      ? { kind: 'ok', snapshot: verdict.stored, consistency: 'local' }
      : { kind: 'removed', existed: verdict.existed || !copy, consistency: 'local' };
  }

  function readHere(sessionId: string, reason: string): Found {
    const copy = copies.get(sessionId);
    const nowMs = clock.wallMs();
    if (!copy) return unseen(reason);
    if (copy.kind === 'gone' || copy.expiresMs <= nowMs) return { kind: 'not-found' };
    const used = { ...copy, activeMs: nowMs, expiresMs: nowMs + ttlMs };
    copies.set(sessionId, used);
    return { kind: 'ok', snapshot: used, consistency: 'local' };
  }

  return {
    async apply(operation) {
      if (journal.has(operation.sessionId)) return applyHere(operation, PENDING);
      const outcome = await remote.apply(operation);
      if (outcome.kind === 'unavailable') return applyHere(operation, outcome.reason);
      // Written here while Redis was asked: what it says is older.
      if (!journal.has(operation.sessionId)) learn(operation.sessionId, outcome);
      return outcome;
    },
    async read(sessionId) {
      if (journal.has(sessionId)) return readHere(sessionId, PENDING);
      const outcome = await remote.read(sessionId);
      if (outcome.kind === 'unavailable') return readHere(sessionId, outcome.reason);
      if (journal.has(sessionId)) return readHere(sessionId, PENDING);
      learn(sessionId, outcome);
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
      await replay.flush();
      stopListening();
      await remote.close();
    },
  };
}

const unseen = (reason: string) =>
  ({ kind: 'unavailable', reason: `${reason}, and this pod has not seen the session` }) as const;
