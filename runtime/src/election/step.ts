import { backoffMs } from '../backoff.ts';
import { decide } from './decide.ts';
import type { Lease, ReadOutcome, WriteOutcome } from './lease.ts';
import { durationMs, holderOf, silenceKey, termOf } from './record.ts';
import type { Effect, ElectionState, Instant, LostReason, Step, Write } from './state.ts';

/** Leader election on one Lease, as a pure machine: events and the time go in, the next state and effects come out.
 *
 *  1. A leader's validity counts from when its last acknowledged renewal was sent, and ends a guard time before the
 *     Lease does. So it ends before any follower, who starts to count later, can take over (invariant E1).
 *  2. A follower waits the duration written in the Lease, of silence on its own clock. No clock is compared with
 *     another machine's.
 *  3. Whoever takes the Lease does so by compare-and-swap on what it saw silent, under a term above every known one
 *     (invariant E2).
 *  4. A write without an answer counts as perhaps done, until the Lease shows which. */

export type ElectionEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'read-answered'; readonly outcome: ReadOutcome }
  | { readonly kind: 'write-answered'; readonly outcome: WriteOutcome }
  /** A message says that the Lease was released or has a new holder. */
  | { readonly kind: 'wake' }
  /** A term that somebody has used: ours must be above it. */
  | { readonly kind: 'floor'; readonly term: number }
  | { readonly kind: 'stop' };

const RETRY_BASE_MS = 200;
const NONE = { reads: 0, writes: 0 };

/** One event at one moment. Effects are to be carried out at once and in order: a write counts as sent now. */
export function step(state: ElectionState, event: ElectionEvent, now: Instant): Step {
  const expired = expire(state, now);
  const heard = absorb(expired.state, event, now);
  const settled = stepDownIfOvertaken(heard.state);
  const decided = decide(settled.state, now);
  const replaced: Effect[] = isReplaced(state, heard.state) ? [{ kind: 'lease-replaced' }] : [];
  return {
    state: decided.state,
    effects: [...replaced, ...expired.effects, ...heard.effects, ...settled.effects, ...decided.effects],
  };
}

const isReplaced = (before: ElectionState, after: ElectionState) =>
  after.observed !== undefined &&
  (before.observed === undefined
    ? after.observed.lease === undefined
    : before.observed.lease?.metadata.uid !== after.observed.lease?.metadata.uid);

function absorb(state: ElectionState, event: ElectionEvent, now: Instant): Step {
  switch (event.kind) {
    case 'start':
      return quiet({ ...state, phase: 'running' });
    case 'tick':
      return quiet(state);
    case 'wake':
      return quiet({ ...state, mustRead: true });
    case 'floor':
      return quiet({ ...state, highestTerm: Math.max(state.highestTerm, event.term) });
    case 'stop':
      return state.phase === 'stopped'
        ? quiet(state)
        : stepDown(
            { ...state, phase: state.phase === 'idle' ? 'stopped' : 'stopping', failures: NONE },
            'stopped',
          );
    case 'read-answered':
      return readAnswered({ ...state, inFlight: undefined }, event.outcome, now);
    default:
      return state.inFlight === undefined || state.inFlight.kind === 'read'
        ? quiet(state)
        : writeAnswered({ ...state, inFlight: undefined }, state.inFlight, event.outcome, now);
  }
}

function readAnswered(state: ElectionState, outcome: ReadOutcome, now: Instant): Step {
  if (outcome.kind === 'failed') {
    const failed: Effect = { kind: 'failed', what: 'read', outcome: 'failed', error: outcome.error };
    const failures = { ...state.failures, reads: state.failures.reads + 1 };
    return {
      state: delayed({ ...state, mustRead: true, failures }, now, outcome.retryAfterMs),
      effects: [failed],
    };
  }
  const lease = outcome.kind === 'found' ? outcome.lease : undefined;
  const read: ElectionState = {
    ...state,
    failures: { reads: 0, writes: heldByOther(lease, state) ? 0 : state.failures.writes },
    notBeforeMs: now.monotonicMs,
    readDueMs: now.monotonicMs + state.config.heartbeatMs,
  };
  // A write bound to an older resourceVersion can no longer be done: either the Lease shows it, or it never was.
  const settles = lease?.metadata.resourceVersion !== state.observed?.lease?.metadata.resourceVersion;
  const found = settles ? ours(state, lease) : undefined;
  const next = {
    ...observe(read, lease, now),
    unsettled: settles ? [] : state.unsettled,
  };
  if (found) return accept(next, found, now);
  if (lease === undefined) return quiet(next);
  const holder = holderOf(lease, state.config.identity);
  // Not on `unknown`: nobody can have taken a Lease that was made anew before its duration has passed.
  return holder === 'other' || holder === 'free' ? stepDown(next, 'superseded') : quiet(next);
}

const heldByOther = (lease: Lease | undefined, { config }: ElectionState) =>
  lease !== undefined && holderOf(lease, config.identity) === 'other';

/** The write without an answer that the Lease shows to be done. */
function ours(state: ElectionState, lease: Lease | undefined): Write | undefined {
  if (lease === undefined || holderOf(lease, state.config.identity) !== 'us') return undefined;
  return state.unsettled.find((write) => write.lease.spec?.renewTime === lease.spec?.renewTime);
}

function writeAnswered(state: ElectionState, write: Write, outcome: WriteOutcome, now: Instant): Step {
  if (outcome.kind === 'written') {
    return accept({ ...observe(state, outcome.lease, now), unsettled: [], failures: NONE }, write, now);
  }
  const failed: Effect = {
    kind: 'failed',
    what: write.kind,
    outcome: outcome.kind,
    ...('error' in outcome ? { error: outcome.error } : {}),
  };
  const failures = { ...state.failures, writes: state.failures.writes + 1 };
  const next = { ...state, mustRead: true, failures };
  if (outcome.kind === 'refused') {
    return { state: delayed(next, now, outcome.retryAfterMs), effects: [failed] };
  }
  if (outcome.kind === 'unknown') {
    return { state: delayed({ ...next, unsettled: [...state.unsettled, write] }, now), effects: [failed] };
  }
  // Conflict or missing: somebody else was first. No failure, and no reason to wait with reading.
  return { state: { ...next, failures: state.failures, notBeforeMs: now.monotonicMs }, effects: [failed] };
}

/** A write of ours is known to be done: its validity counts from when it was sent. */
function accept(state: ElectionState, write: Write, now: Instant): Step {
  if (write.kind === 'release') return { state, effects: [{ kind: 'released' }] };
  if (write.kind === 'found') return quiet(state);
  const { timeoutMs, heartbeatMs, guardRatio } = state.config;
  const validUntilMs = write.sentAtMs + timeoutMs * (1 - guardRatio);
  const due = { ...state, renewDueMs: write.sentAtMs + heartbeatMs };
  if (validUntilMs <= now.monotonicMs || state.phase !== 'running') return quiet(due);
  const role = { kind: 'leader', term: write.term, validUntilMs, renewedAtMs: write.sentAtMs } as const;
  if (write.kind === 'renew') {
    return state.role.kind === 'leader' && state.role.term === write.term
      ? { state: { ...due, role }, effects: [{ kind: 'renewed' }] }
      : quiet(due);
  }
  if (write.term <= state.announcedTerm || write.term < state.highestTerm) return quiet(due);
  const before = stepDown(due, 'term-overtaken');
  return {
    state: { ...before.state, role, announcedTerm: write.term },
    effects: [...before.effects, { kind: 'acquired', term: write.term }],
  };
}

function observe(state: ElectionState, lease: Lease | undefined, now: Instant): ElectionState {
  const before = state.observed;
  const same = before !== undefined && silenceKey(before.lease) === silenceKey(lease);
  return {
    ...state,
    observed: { lease, sinceMs: same ? before.sinceMs : now.monotonicMs },
    highestTerm: Math.max(state.highestTerm, lease ? termOf(lease) : 0),
    longestMs: Math.max(state.longestMs, durationMs(lease) ?? 0),
    lastMetadata: lease?.metadata ?? state.lastMetadata,
  };
}

function expire(state: ElectionState, now: Instant): Step {
  return state.role.kind === 'leader' && now.monotonicMs >= state.role.validUntilMs
    ? stepDown(state, 'expired')
    : quiet(state);
}

/** Someone has used a higher term: whoever checks terms would refuse ours, so we need a new one first. */
function stepDownIfOvertaken(state: ElectionState): Step {
  return state.role.kind === 'leader' && state.highestTerm > state.role.term
    ? stepDown(state, 'term-overtaken')
    : quiet(state);
}

function stepDown(state: ElectionState, reason: LostReason): Step {
  if (state.role.kind === 'follower') return quiet(state);
  return {
    state: { ...state, role: { kind: 'follower' } },
    effects: [{ kind: 'lost', term: state.role.term, reason }],
  };
}

function delayed(state: ElectionState, now: Instant, retryAfterMs = 0): ElectionState {
  const { heartbeatMs, jitter } = state.config;
  const attempt = state.failures.reads + state.failures.writes - 1;
  const wait = backoffMs(attempt, { baseMs: RETRY_BASE_MS, maxMs: heartbeatMs }, () => jitter);
  return {
    ...state,
    notBeforeMs: now.monotonicMs + Math.max(wait, Math.min(retryAfterMs, heartbeatMs)),
  };
}

const quiet = (state: ElectionState): Step => ({ state, effects: [] });
