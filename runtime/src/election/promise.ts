import type { Lease } from './lease.ts';
import type { ElectionState, Instant } from './state.ts';

/** What sidecars ask each other about leadership, and the elector's half of it: a promise to support nobody else for a
 *  short while. Who gathers them from a majority keeps every other candidate out, without the API server. */

export type Ask =
  /** Would you promise? Changes nothing: who is alone in missing the leader must not disturb it (compare the pre-vote
   *  of Raft, Ongaro 2014, section 9.6). */
  | { readonly do: 'probe'; readonly candidate: string; readonly term: number }
  /** Promise to support nobody else for `forMs`. A leader's carries the Lease as it stands. */
  | {
      readonly do: 'promise';
      readonly candidate: string;
      readonly term: number;
      readonly forMs: number;
      readonly lease?: Lease | undefined;
    }
  /** The promise under exactly this term is not needed any more. */
  | {
      readonly do: 'withdraw';
      readonly candidate: string;
      readonly term: number;
      readonly lease?: Lease | undefined;
    }
  /** This is the Lease as it stands. */
  | { readonly do: 'tell'; readonly lease: Lease };

export interface Answer {
  /** Who answers: `<pod>_<bootId>`. */
  readonly id: string;
  readonly node: string;
  /** It is about to end, and promises nothing any more. */
  readonly leaving: boolean;
  readonly granted: boolean;
  /** The highest term that it knows or has promised. */
  readonly term: number;
}

export interface Promised {
  readonly to: string;
  readonly term: number;
  readonly untilMs: number;
}

/** What this process, as an elector, does about `ask`. While a promise lasts it is for one candidate; its term binds for
 *  good: a lower one is refused for ever, also after the promise has lapsed. Otherwise a leader that was cut off could
 *  gather old electors again, while its Lease still looks valid to it. The same term may go to another candidate later:
 *  it is the compare-and-swap of the Lease that lets only one of them have it. */
export function consider(
  state: ElectionState,
  ask: Ask,
  now: Instant,
): { state: ElectionState; granted: boolean } {
  if (ask.do === 'tell') return { state, granted: true };
  const { promised } = state;
  if (ask.do === 'withdraw') {
    const mine = promised?.to === ask.candidate && promised.term === ask.term;
    return {
      state: mine ? { ...state, promised: { ...promised, untilMs: now.monotonicMs } } : state,
      granted: mine,
    };
  }
  const { candidate, term } = ask;
  const engaged = promised !== undefined && promised.to !== candidate;
  const refused =
    state.phase !== 'running' ||
    term < state.highestTerm ||
    term < (promised?.term ?? 0) ||
    (engaged && now.monotonicMs < promised.untilMs);
  if (refused || ask.do === 'probe') return { state, granted: !refused };
  const untilMs = now.monotonicMs + ask.forMs;
  return {
    state: {
      ...state,
      // An answer that was long under way must not shorten what was promised since.
      promised: {
        to: candidate,
        term,
        untilMs: engaged ? untilMs : Math.max(untilMs, promised?.untilMs ?? 0),
      },
    },
    granted: true,
  };
}

export const answerOf = (state: ElectionState, granted: boolean): Answer => ({
  id: state.config.identity,
  node: state.config.electors?.node ?? '',
  leaving: state.phase === 'stopping' || state.phase === 'stopped',
  granted,
  term: Math.max(state.highestTerm, state.promised?.term ?? 0),
});
