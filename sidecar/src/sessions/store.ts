import type { Consistency, SessionData } from '@hyperpage/contract';
import { type Clock, every, type Logger, type Registry } from '@hyperpage/runtime';
import { leavesOfSession, leavesOfUpdates, sessionOfLeaves } from './leaves.ts';
import { sessionMetrics } from './metrics.ts';
import { bytesOf, type Operation, type Snapshot } from './operation.ts';
import type { Damaged, SessionOk, SessionStore } from './port.ts';
import { createStamper } from './stamps.ts';
import type { Applied, Found, SessionTarget } from './target.ts';

export interface SessionStoreOptions {
  clock: Clock;
  log: Logger;
  registry: Registry;
  /** Identifies operations: it and a running number must never come twice. */
  bootId: string;
  cleanupIntervalMs: number;
}

/** The session port over `target`: operations from requests, sessions from leaves, counted. */
export function createSessionStore(target: SessionTarget, options: SessionStoreOptions): SessionStore {
  const { clock, log, registry, bootId } = options;
  const metrics = sessionMetrics(registry, () => target.count());
  const stamp = createStamper(clock);
  let operations = 0;
  const nextOpId = () => `${bootId}-${(operations++).toString(36)}`;

  /** Reads mostly give what the last one gave, but for the moment: it is taken apart once. */
  const decoded = new WeakMap<object, SessionOk>();
  const readOf = ({ snapshot, consistency }: Extract<Found, { kind: 'ok' }>): SessionOk | Damaged => {
    const known = decoded.get(snapshot.leaves);
    if (known?.version === snapshot.version && known.consistency === consistency) {
      const lastActivity = new Date(snapshot.activeMs).toISOString();
      return { ...known, session: { ...known.session, lastActivity }, sameAs: known };
    }
    const result = okOf(snapshot, consistency);
    if (result.kind === 'ok') decoded.set(snapshot.leaves, result);
    return result;
  };

  const apply = async (operation: Operation): Promise<Applied> => {
    const startMs = clock.monotonicMs();
    const outcome = await target.apply(operation);
    metrics.writeSeconds.observe((clock.monotonicMs() - startMs) / 1000);
    metrics.writes.inc({ outcome: outcome.kind });
    if (operation.kind === 'create' && outcome.kind === 'ok') metrics.created.inc();
    return outcome;
  };
  const cleanup = every(
    clock,
    options.cleanupIntervalMs,
    async () => metrics.expired.inc(await target.sweep()),
    (error) => log.warn({ reason: reasonOf(error) }, 'session clean-up failed'),
  );

  return {
    async create(sessionId, session, under = {}) {
      const createdMs = Date.parse(session.metadata.created);
      const leaves = leavesOfSession(session);
      const outcome = await apply({
        kind: 'create',
        sessionId,
        opId: nextOpId(),
        leaves,
        createdMs,
        ...under,
      });
      if (outcome.kind === 'ok') return okOf(outcome.snapshot, outcome.consistency) as SessionOk;
      // A create meets no version and no removal, and refuses what it does not understand as taken.
      return outcome.kind === 'too-large' || outcome.kind === 'term-overtaken' || isUncertain(outcome)
        ? outcome
        : { kind: 'taken' };
    },
    async read(sessionId) {
      const outcome = await target.read(sessionId);
      const result = outcome.kind === 'ok' ? readOf(outcome) : outcome;
      metrics.reads.inc({
        result: result.kind === 'ok' ? 'hit' : result.kind === 'not-found' ? 'miss' : 'error',
      });
      return result;
    },
    async update(sessionId, updates, conditions = {}) {
      const leaves = leavesOfUpdates(updates);
      const named = { sessionId, opId: nextOpId(), leaves, stamp: stamp() };
      const outcome = await apply({ kind: 'update', ...named, ...conditions });
      if (outcome.kind === 'ok') return okOf(outcome.snapshot, outcome.consistency);
      return outcome.kind === 'taken' || outcome.kind === 'removed' ? { kind: 'not-found' } : outcome;
    },
    async remove(sessionId, under = {}) {
      const outcome = await apply({ kind: 'remove', sessionId, opId: nextOpId(), ...under });
      if (outcome.kind === 'removed') {
        return outcome.existed ? { kind: 'ok', consistency: outcome.consistency } : { kind: 'not-found' };
      }
      return outcome.kind === 'term-overtaken' || isUncertain(outcome) ? outcome : { kind: 'not-found' };
    },
    ready: () => target.ready(),
    activeCount: () => target.count(),
    async close() {
      cleanup.cancel();
      await target.close();
    },
  };
}

/** What a new session takes of MAX_SESSION_BYTES. */
export const bytesOfSession = (session: SessionData): number => bytesOf(leavesOfSession(session));

const isUncertain = (outcome: Applied) =>
  outcome.kind === 'unavailable' || outcome.kind === 'not-acknowledged';

function okOf(snapshot: Snapshot, consistency: Consistency): SessionOk | Damaged {
  const decoded = sessionOfLeaves(snapshot.leaves, snapshot);
  return 'damaged' in decoded
    ? { kind: 'damaged', reason: `the stored value of ${decoded.damaged} is not one of a session` }
    : { kind: 'ok', session: decoded.session, version: snapshot.version, consistency };
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
