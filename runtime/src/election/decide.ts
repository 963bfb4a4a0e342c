import { predecessorOf, roundDueMs, takeOf } from './contend.ts';
import { electorsOf } from './electors.ts';
import { leadDueMs, newElectors } from './lead.ts';
import type { Lease } from './lease.ts';
import { acquisition, founding, holderOf, nextTerm, release, renewal } from './record.ts';
import type { ElectionState, Instant, Leader, Step, Write } from './state.ts';

/** The next request, if one is due and none is under way. */
export function decide(state: ElectionState, now: Instant): Step {
  if (state.phase === 'stopping') return decideStopping(state, now);
  if (state.phase !== 'running' || state.inFlight !== undefined || now.monotonicMs < state.notBeforeMs) {
    return { state, effects: [] };
  }
  if (state.observed === undefined || state.mustRead) return read(state);
  if (mayRelease(state, now)) return send(state, release(state, state.observed.lease as Lease, now));
  const write =
    state.role.kind === 'leader'
      ? leaderWrite(state, state.role, state.observed.lease, now)
      : followerWrite(state, state.observed.lease, now);
  if (write) return send(state, write);
  return readIsDue(state, now) ? read(state) : { state, effects: [] };
}

/** Whether this process has stepped down, and the Lease is still its own. */
const gaveUp = ({ role, observed, config, abstainUntilMs }: ElectionState, now: Instant): boolean =>
  role.kind === 'follower' &&
  observed?.lease !== undefined &&
  now.monotonicMs < abstainUntilMs &&
  holderOf(observed.lease, config.identity) === 'us';

/** The app lives on when its sidecar steps down: what it was told has to pass first. */
const mayRelease = (state: ElectionState, now: Instant) =>
  gaveUp(state, now) && now.monotonicMs >= state.toldUntilMs;

/** When something is due without another event, on the monotonic clock; undefined when nothing is. */
export function wakeAtMs(state: ElectionState, now: Instant): number | undefined {
  const dues: number[] = [];
  if (state.role.kind === 'leader') dues.push(state.role.validUntilMs);
  if (state.phase === 'running') {
    if (state.inFlight === undefined) dues.push(Math.max(state.notBeforeMs, dueMs(state, now)));
    if (state.config.electors) dues.push(leadDueMs(state, now), conversationDueMs(state, now));
  }
  const due = Math.min(...dues);
  return Number.isFinite(due) ? due : undefined;
}

/** A round goes on while a request is under way; it begins only when none is. */
const conversationDueMs = (state: ElectionState, now: Instant) =>
  state.round || (state.role.kind === 'follower' && state.inFlight === undefined && !state.mustRead)
    ? roundDueMs(state, now)
    : Number.POSITIVE_INFINITY;

function dueMs(state: ElectionState, now: Instant): number {
  if (state.observed === undefined || state.mustRead) return state.notBeforeMs;
  if (gaveUp(state, now)) return Math.max(state.notBeforeMs, state.toldUntilMs);
  if (state.role.kind === 'leader') {
    if (state.observed.lease === undefined) return state.readDueMs;
    return state.refusedTerm > state.role.term ? state.notBeforeMs : state.renewDueMs;
  }
  return Math.min(state.readDueMs, takeAtMs(state, now));
}

/** From when on a follower may write the Lease as it was last seen. With electors a round comes first. */
function takeAtMs(state: ElectionState, now: Instant): number {
  if (state.observed === undefined) return Number.POSITIVE_INFINITY;
  const { lease, sinceMs } = state.observed;
  if (lease === undefined) {
    return state.config.createMissing ? sinceMs + state.longestMs : Number.POSITIVE_INFINITY;
  }
  if (!state.config.electors) return takeOf(state, now)?.atMs ?? Number.POSITIVE_INFINITY;
  return state.round?.stage === 'won' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** A leader's renewals tell it all, as long as there is a Lease to renew. */
const readIsDue = (state: ElectionState, now: Instant) =>
  (state.role.kind === 'follower' || !state.observed?.lease) && now.monotonicMs >= state.readDueMs;

function followerWrite(state: ElectionState, lease: Lease | undefined, now: Instant): Sendable | undefined {
  if (now.monotonicMs < takeAtMs(state, now)) return undefined;
  if (lease === undefined) return founding(state, now);
  const { write, ...rest } = acquisition(
    state,
    lease,
    now,
    state.round ?? { term: nextTerm(state, lease), electors: [] },
  );
  return { ...rest, write: { ...write, after: predecessorOf(state) } };
}

function leaderWrite(
  state: ElectionState,
  { term }: Leader,
  lease: Lease | undefined,
  now: Instant,
): Sendable | undefined {
  if (lease === undefined) return undefined;
  const electors = newElectors(state, now);
  // An elector has promised a higher term and will refuse ours for ever.
  if (state.refusedTerm > term && holderOf(lease, state.config.identity) === 'us')
    return acquisition(state, lease, now, { term: nextTerm(state, lease), electors: electorsOf(lease) });
  if (now.monotonicMs < state.renewDueMs && !electors) return undefined;
  // Deleted by hand and made anew, held by someone unknown: that is us, as long as we are valid. Nobody else can be,
  // and the compare-and-swap on the new Lease keeps it so.
  return holderOf(lease, state.config.identity) === 'unknown'
    ? acquisition(state, lease, now, { term: nextTerm(state, lease), electors: [] })
    : renewal(state, lease, now, { term, electors: electors ?? electorsOf(lease) });
}

const STOP_ATTEMPTS = 3;

/** On stop: whatever is under way ends first; then the Lease is given up if it is ours. After a few failures it is left
 *  to expire. */
function decideStopping(state: ElectionState, now: Instant): Step {
  if (state.inFlight !== undefined) return { state, effects: [] };
  const lease = state.observed?.lease;
  if (state.failures.reads + state.failures.writes < STOP_ATTEMPTS) {
    if (state.mustRead) return read(state);
    if (lease && holderOf(lease, state.config.identity) === 'us')
      return send(state, release(state, lease, now));
  }
  return { state: { ...state, phase: 'stopped' }, effects: [{ kind: 'stopped' }] };
}

type Sendable = { write: Write; lastWriteMicros: number };

const read = (state: ElectionState): Step => ({
  state: { ...state, inFlight: { kind: 'read' }, mustRead: false },
  effects: [{ kind: 'read' }],
});

const send = (state: ElectionState, { write, lastWriteMicros }: Sendable): Step => ({
  state: { ...state, inFlight: write, lastWriteMicros, round: undefined, wanted: undefined },
  effects: [{ kind: 'write', write }],
});
