import { backoffMs } from '../backoff.ts';
import { contend } from './contend.ts';
import { decide } from './decide.ts';
import { electorsOf } from './electors.ts';
import { answered, asked, withPeers, woken } from './hear.ts';
import { lead } from './lead.ts';
import type { Lease, ReadOutcome, WriteOutcome } from './lease.ts';
import type { Answer, Ask } from './promise.ts';
import { holderOf } from './record.ts';
import type { AskEffect, Effect, ElectionState, Instant, Step, Write } from './state.ts';
import { asksOf, chain, giveBack, hostsOf, supportedUntilMs } from './support.ts';
import { observe, quiet, stepDown } from './transitions.ts';

/** Leader election on one Lease, as a pure machine: events and the time go in, the next state and effects come out.
 *
 *  1. A leader's validity counts from when its last acknowledged renewal was sent, and ends a guard time before the
 *     Lease does. So it ends before any follower, who starts to count later, can take over (invariant E1).
 *  2. A follower waits the duration written in the Lease, of silence on its own clock. No clock is compared with
 *     another machine's.
 *  3. Whoever takes the Lease does so by compare-and-swap on what it saw silent, under a term above every known one
 *     (invariant E2).
 *  4. A write without an answer counts as perhaps done, until the Lease shows which.
 *  5. Where the Lease names electors, its holder also needs promises of a majority of them, each of which ends sooner
 *     for who got it than for who gave it. A candidate that gathers a majority itself, of electors whose promises to
 *     the holder have lapsed, may take the Lease before it ends: the holder is not valid any more, and never again
 *     under its term.
 *
 *  Points 1 to 4 are in this file, decide.ts and record.ts; 5 is in promise.ts (an elector), contend.ts (a candidate),
 *  lead.ts (a leader) and hear.ts (what others say). */

export type ElectionEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'read-answered'; readonly outcome: ReadOutcome }
  | { readonly kind: 'write-answered'; readonly outcome: WriteOutcome }
  /** A message says that the Lease was released or has a new holder. */
  | { readonly kind: 'wake' }
  /** A term that somebody has used: ours must be above it. */
  | { readonly kind: 'floor'; readonly term: number }
  /** Somebody wants another process to lead, for so long. */
  | { readonly kind: 'step-down'; readonly forMs: number }
  /** Where the other processes answer, all of them. */
  | { readonly kind: 'peers'; readonly hosts: readonly string[] }
  /** Another process asks. */
  | { readonly kind: 'asked'; readonly ask: Ask }
  /** Another process has answered; undefined: it has not. */
  | { readonly kind: 'answered'; readonly asked: AskEffect; readonly answer: Answer | undefined }
  | { readonly kind: 'stop' };

const RETRY_BASE_MS = 200;
const NONE = { reads: 0, writes: 0 };
/** A new leader hears from everybody before it changes the electors. */
const SETTLE_MS = 1_000;

/** One event at one moment. Effects are to be carried out at once and in order: a write counts as sent now. */
export function step(state: ElectionState, event: ElectionEvent, now: Instant): Step {
  let next = expire(state, now);
  next = chain(next, (after) => absorb(after, event, now));
  const replaced: Effect[] = isReplaced(state, next.state) ? [{ kind: 'lease-replaced' }] : [];
  next = chain(next, stepDownIfOvertaken);
  if (state.config.electors && next.state.phase === 'running') {
    next = chain(next, (after) => contend(after, now));
    // New electors first promise, then the Lease names them.
    next = chain(next, (after) => lead(after, now));
  }
  next = chain(next, (after) => decide(after, now));
  return { state: withValidity(next.state), effects: [...replaced, ...next.effects] };
}

/** The smaller of what the Lease gives and what promises give. */
function withValidity(state: ElectionState): ElectionState {
  const { role } = state;
  if (role.kind === 'follower') return state;
  const validUntilMs = Math.min(role.leaseUntilMs, supportedUntilMs(state));
  return validUntilMs === role.validUntilMs ? state : { ...state, role: { ...role, validUntilMs } };
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
      return quiet(woken(state, now));
    case 'step-down':
      return stepDown({ ...state, abstainUntilMs: now.monotonicMs + event.forMs }, 'stepped-down');
    case 'peers':
      return quiet(withPeers(state, event.hosts, now));
    case 'asked':
      return asked(state, event.ask, now);
    case 'answered':
      return quiet(answered(state, event.asked, event.answer));
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
    const gaveUp = giveUp(delayed(next, now, outcome.retryAfterMs), write, now);
    return { state: gaveUp.state, effects: [failed, ...gaveUp.effects] };
  }
  if (outcome.kind === 'unknown') {
    return { state: delayed({ ...next, unsettled: [...state.unsettled, write] }, now), effects: [failed] };
  }
  // Conflict or missing: somebody else was first. No failure, and no reason to wait with reading.
  const gaveUp = giveUp({ ...next, failures: state.failures, notBeforeMs: now.monotonicMs }, write, now);
  return { state: gaveUp.state, effects: [failed, ...gaveUp.effects] };
}

/** A write that would have made us leader was not done: who promised is free for another. */
function giveUp(state: ElectionState, write: Write, now: Instant): Step {
  const hosts = hostsOf(electorsOf(write.lease));
  return write.kind === 'acquire' && hosts.length > 0 && state.role.kind === 'follower'
    ? giveBack(state, hosts, write.term, now)
    : quiet(state);
}

/** A write of ours is known to be done: its validity counts from when it was sent. */
function accept(state: ElectionState, write: Write, now: Instant): Step {
  if (write.kind === 'release') return released(state, write, now);
  if (write.kind === 'found') return quiet(state);
  const { timeoutMs, heartbeatMs, guardRatio } = state.config;
  const leaseUntilMs = write.sentAtMs + timeoutMs * (1 - guardRatio);
  // Electors and everybody else hear of it at once: who does not know the electors of now cannot follow this process.
  const due = {
    ...state,
    renewDueMs: write.sentAtMs + heartbeatMs,
    tellDueMs: now.monotonicMs,
    beatDueMs: now.monotonicMs,
  };
  const validUntilMs = Math.min(leaseUntilMs, supportedUntilMs(due));
  if (validUntilMs <= now.monotonicMs || state.phase !== 'running') return quiet(due);
  const role = {
    kind: 'leader',
    term: write.term,
    validUntilMs,
    leaseUntilMs,
    renewedAtMs: write.sentAtMs,
  } as const;
  if (write.kind === 'renew') {
    return state.role.kind === 'leader' && state.role.term === write.term
      ? { state: { ...due, role }, effects: [{ kind: 'renewed', tookMs: now.monotonicMs - write.sentAtMs }] }
      : quiet(due);
  }
  if (write.term <= state.announcedTerm || write.term < state.highestTerm) return quiet(due);
  const before = stepDown(due, 'term-overtaken');
  const takeover = write.after && { how: write.after.how, ms: now.monotonicMs - write.after.heardMs };
  return {
    state: {
      ...before.state,
      role,
      announcedTerm: write.term,
      attempts: 0,
      changeNotBeforeMs: now.monotonicMs + SETTLE_MS,
    },
    effects: [...before.effects, { kind: 'acquired', term: write.term, takeover }],
  };
}

/** The Lease is nobody's: the electors hear it first, and may take it without waiting for promises to lapse. */
function released(state: ElectionState, write: Write, now: Instant): Step {
  const released: Effect = { kind: 'released' };
  if (!state.config.electors) return { state, effects: [released] };
  const others = hostsOf(electorsOf(write.lease));
  const back = giveBack(state, others, write.term, now);
  const lease = state.observed?.lease;
  const rest = state.peers.filter((host) => !others.includes(host));
  const tells = lease ? asksOf(state, rest, { do: 'tell', lease }, now) : [];
  return { state: back.state, effects: [released, ...back.effects, ...tells] };
}

function expire(state: ElectionState, now: Instant): Step {
  const { role, config } = state;
  if (role.kind === 'follower' || now.monotonicMs < role.validUntilMs) return quiet(state);
  if (now.monotonicMs >= role.leaseUntilMs) return stepDown(state, 'expired');
  // Those who are with the majority go first, also at their second try; nobody may be.
  const retakeNotBeforeMs = now.monotonicMs + (config.electors?.promiseMs ?? 0) * 1.5;
  return stepDown({ ...state, retakeNotBeforeMs, wanted: undefined }, 'unsupported');
}

/** Someone has used a higher term: whoever checks terms would refuse ours, so we need a new one first. */
function stepDownIfOvertaken(state: ElectionState): Step {
  return state.role.kind === 'leader' && state.highestTerm > state.role.term
    ? stepDown(state, 'term-overtaken')
    : quiet(state);
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
