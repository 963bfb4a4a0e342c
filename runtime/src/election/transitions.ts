import { durationMs, holderOf, silenceKey } from './record.ts';
import type { Lease } from './lease.ts';
import type { ElectionState, Instant, LostReason, Step } from './state.ts';
import { termOf } from './term.ts';

/** Changes of state that several parts of the machine make. */

export const quiet = (state: ElectionState): Step => ({ state, effects: [] });

/** The Lease is seen as it is now. */
export function observe(state: ElectionState, lease: Lease | undefined, now: Instant): ElectionState {
  const before = state.observed;
  const same = before !== undefined && silenceKey(before.lease) === silenceKey(lease);
  const isOther = lease !== undefined && holderOf(lease, state.config.identity) === 'other';
  return {
    ...(isOther ? withTurn(state, lease.spec?.holderIdentity ?? '') : state),
    observed: { lease, sinceMs: same ? before.sinceMs : now.monotonicMs },
    heardMs: same ? state.heardMs : now.monotonicMs,
    highestTerm: Math.max(state.highestTerm, lease ? termOf(lease) : 0),
    longestMs: Math.max(state.longestMs, durationMs(lease) ?? 0),
    lastMetadata: lease?.metadata ?? state.lastMetadata,
  };
}

const MOST_TURNS = 8;

export const withTurn = (state: ElectionState, id: string): ElectionState =>
  state.hadTurn.includes(id) ? state : { ...state, hadTurn: [...state.hadTurn, id].slice(-MOST_TURNS) };

/** Leadership ends here and now. */
export function stepDown(state: ElectionState, reason: LostReason): Step {
  if (state.role.kind === 'follower') return quiet(state);
  return {
    state: { ...state, role: { kind: 'follower' } },
    effects: [{ kind: 'lost', term: state.role.term, reason }],
  };
}
