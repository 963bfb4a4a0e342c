import type { Lease } from './lease.ts';
import { acquisition, durationMs, founding, holderOf, release, renewal } from './record.ts';
import type { ElectionState, Instant, Leader, Step, Write } from './state.ts';

/** The next request, if one is due and none is under way. */
export function decide(state: ElectionState, now: Instant): Step {
  if (state.phase === 'stopping') return decideStopping(state, now);
  if (state.phase !== 'running' || state.inFlight !== undefined || now.monotonicMs < state.notBeforeMs) {
    return { state, effects: [] };
  }
  if (state.observed === undefined || state.mustRead) return read(state);
  const write =
    state.role.kind === 'leader'
      ? leaderWrite(state, state.role, state.observed.lease, now)
      : followerWrite(state, state.observed.lease, now);
  if (write) return send(state, write);
  return readIsDue(state, now) ? read(state) : { state, effects: [] };
}

/** When something is due without another event, on the monotonic clock; undefined when nothing is. */
export function wakeAtMs(state: ElectionState): number | undefined {
  const expiry = state.role.kind === 'leader' ? state.role.validUntilMs : undefined;
  if (state.phase !== 'running' || state.inFlight !== undefined) return expiry;
  const due = Math.max(state.notBeforeMs, dueMs(state));
  return expiry === undefined ? due : Math.min(expiry, due);
}

function dueMs(state: ElectionState): number {
  if (state.observed === undefined || state.mustRead) return state.notBeforeMs;
  if (state.role.kind === 'leader') return state.observed.lease ? state.renewDueMs : state.readDueMs;
  return Math.min(state.readDueMs, takeAtMs(state));
}

/** From when on a follower may take the Lease as it was last seen. */
function takeAtMs(state: ElectionState): number {
  if (state.observed === undefined) return Number.POSITIVE_INFINITY;
  const { lease, sinceMs } = state.observed;
  if (lease === undefined) {
    return state.config.createMissing ? sinceMs + state.longestMs : Number.POSITIVE_INFINITY;
  }
  const holder = holderOf(lease, state.config.identity);
  // `us`: leadership that we let lapse; nobody else took it, as the compare-and-swap will prove.
  if (holder === 'free' || holder === 'us') return Number.NEGATIVE_INFINITY;
  return sinceMs + (durationMs(lease) ?? state.longestMs);
}

/** A leader's renewals tell it all, as long as there is a Lease to renew. */
const readIsDue = (state: ElectionState, now: Instant) =>
  (state.role.kind === 'follower' || !state.observed?.lease) && now.monotonicMs >= state.readDueMs;

function followerWrite(state: ElectionState, lease: Lease | undefined, now: Instant): Sendable | undefined {
  if (now.monotonicMs < takeAtMs(state)) return undefined;
  return lease === undefined ? founding(state, now) : acquisition(state, lease, now);
}

function leaderWrite(
  state: ElectionState,
  leader: Leader,
  lease: Lease | undefined,
  now: Instant,
): Sendable | undefined {
  if (now.monotonicMs < state.renewDueMs || lease === undefined) return undefined;
  // Deleted by hand and made anew, held by someone unknown: that is us, as long as we are valid. Nobody else can be,
  // and the compare-and-swap on the new Lease keeps it so.
  return holderOf(lease, state.config.identity) === 'unknown'
    ? acquisition(state, lease, now)
    : renewal(state, lease, leader.term, now);
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
  state: { ...state, inFlight: write, lastWriteMicros },
  effects: [{ kind: 'write', write }],
});
