import {
  chooseElectors,
  type Elector,
  electorsOf,
  type Known,
  preferredOf,
  sameElectors,
  spreadOf,
} from './electors.ts';
import { self } from './contend.ts';
import type { ElectionState, Instant, Step } from './state.ts';
import { asksOf, askToPromise, chain, heldBy, hostsOf } from './support.ts';
import { podOf } from './lease.ts';
import { quiet, stepDown, withTurn } from './transitions.ts';

/** What a leader does beside renewing its Lease: it has its promises renewed, tells everybody the Lease, and keeps a full
 *  set of electors. */

/** An elector that has not answered for so long is replaced. */
const GONE_MS = 3_000;
/** Whoever is asked to become an elector has so long to promise. */
const TRIAL_MS = 1_000;
/** Who has not answered yet is told again. */
const SEARCH_MS = 1_000;
/** Who has given way to the preferred one does not stand again for so long: time for it, and for the next ones. */
const YIELD_MS = 3_000;
/** A candidate whose write is under way keeps its promises for so long: an API server may take a second. */
const CLAIM_MS = 1_500;

export function lead(state: ElectionState, now: Instant): Step {
  const maintained = state.role.kind === 'leader' ? maintain(state, now) : state;
  const next = chain(beat(maintained, now), (after) => tell(after, now));
  return chain(next, (after) => giveWay(after, now));
}

/** Lets the process lead that somebody prefers, once to each: one that could not, or that gave leadership up, is not asked
 *  again. It is an elector and the first in turn by then, and answers. */
function giveWay(state: ElectionState, now: Instant): Step {
  const to = preferredElector(state, now);
  if (!to || state.hadTurn.includes(to.id)) return quiet(state);
  const abstainUntilMs = now.monotonicMs + YIELD_MS;
  return stepDown({ ...withTurn(state, to.id), abstainUntilMs }, 'stepped-down');
}

function preferredElector(state: ElectionState, now: Instant): Elector | undefined {
  const { role, observed, wanted, config, changeNotBeforeMs } = state;
  const preferred = preferredOf(observed?.lease);
  if (role.kind !== 'leader' || preferred === undefined || preferred === podOf(config.identity))
    return undefined;
  if (wanted || isWriting(state) || now.monotonicMs < changeNotBeforeMs) return undefined;
  const electors = electorsOf(observed?.lease);
  const first = electors.find(({ id }) => id !== config.identity);
  return first && podOf(first.id) === preferred && heldBy(state, [first]) > now.monotonicMs
    ? first
    : undefined;
}

const isWriting = ({ inFlight, unsettled }: ElectionState): boolean =>
  (inFlight !== undefined && inFlight.kind !== 'read') || unsettled.length > 0;

/** The claim that promises are wanted for: leadership, or a write that would give it. */
function claimOf(
  state: ElectionState,
  now: Instant,
): { term: number; electors: readonly Elector[] } | undefined {
  const { role, inFlight, observed, wanted } = state;
  const writes = [inFlight, ...state.unsettled].filter((one) => one !== undefined && one.kind !== 'read');
  if (role.kind === 'leader') {
    const sets = [observed?.lease, ...writes.map(({ lease }) => lease)].map(electorsOf);
    return { term: role.term, electors: [...sets.flat(), ...(wanted?.electors ?? [])] };
  }
  if (inFlight?.kind !== 'acquire' || now.monotonicMs - inFlight.sentAtMs > CLAIM_MS) return undefined;
  return { term: inFlight.term, electors: electorsOf(inFlight.lease) };
}

function beat(state: ElectionState, now: Instant): Step {
  const claim = claimOf(state, now);
  if (!claim || claim.electors.length === 0 || now.monotonicMs < state.beatDueMs) return quiet(state);
  const beatDueMs = now.monotonicMs + (state.config.electors?.beatMs ?? 0);
  return askToPromise({ ...state, beatDueMs }, [...new Set(hostsOf(claim.electors))], claim.term, now);
}

/** Followers that are no electors hear of the Lease here, and need not ask the API server. Those that have not answered
 *  yet are told more often: they may be starting, and become electors. */
function tell(state: ElectionState, now: Instant): Step {
  const lease = state.observed?.lease;
  if (state.role.kind !== 'leader' || !lease) return quiet(state);
  const all = now.monotonicMs >= state.tellDueMs;
  const hosts = all ? strangers(state) : strangers(state).filter((host) => !state.known.has(host));
  if (!all && now.monotonicMs < state.searchDueMs) return quiet(state);
  const tellDueMs = all ? now.monotonicMs + state.config.heartbeatMs : state.tellDueMs;
  return {
    state: { ...state, tellDueMs, searchDueMs: now.monotonicMs + SEARCH_MS },
    effects: asksOf(state, hosts, { do: 'tell', lease }, now),
  };
}

/** Peers that no beat reaches. */
function strangers({ peers, observed }: ElectionState): readonly string[] {
  const hosts = new Set(hostsOf(electorsOf(observed?.lease)));
  return peers.filter((host) => !hosts.has(host));
}

/** When the leader has something to do without another event. */
export function leadDueMs(state: ElectionState, now: Instant): number {
  const claim = claimOf(state, now);
  const beatDue = claim && claim.electors.length > 0 ? state.beatDueMs : Number.POSITIVE_INFINITY;
  if (state.role.kind !== 'leader') return beatDue;
  const searching = strangers(state).some((host) => !state.known.has(host));
  const soonest = searching ? Math.min(state.tellDueMs, state.searchDueMs) : state.tellDueMs;
  const tellDue = state.observed?.lease ? soonest : Number.POSITIVE_INFINITY;
  const trialEnds = state.wanted ? state.wanted.sinceMs + TRIAL_MS : Number.POSITIVE_INFINITY;
  return Math.min(beatDue, tellDue, trialEnds, maintainDueMs(state, now));
}

/** A change that had to wait. Later ones come with an answer, or with silence at a beat. */
const maintainDueMs = ({ wanted, changeNotBeforeMs }: ElectionState, now: Instant) =>
  wanted === undefined && changeNotBeforeMs > now.monotonicMs ? changeNotBeforeMs : Number.POSITIVE_INFINITY;

/** The electors that the next write should name, once they have promised; undefined: those it names now. */
export function newElectors(state: ElectionState, now: Instant): readonly Elector[] | undefined {
  const { wanted } = state;
  if (!wanted) return undefined;
  const all = wanted.electors.every((one) => heldBy(state, [one]) > now.monotonicMs);
  // A majority of the new ones could replace this process as soon as the Lease names them.
  return all && heldBy(state, wanted.electors) >= state.toldUntilMs ? wanted.electors : undefined;
}

/** Looks whether the electors are those that they should be. */
function maintain(state: ElectionState, now: Instant): ElectionState {
  const { wanted } = state;
  if (wanted)
    return now.monotonicMs - wanted.sinceMs < TRIAL_MS ? state : dropped(state, wanted.electors, now);
  if (isWriting(state) || now.monotonicMs < state.changeNotBeforeMs) return state;
  const lease = state.observed?.lease;
  if (!lease || lease.spec?.holderIdentity !== state.config.identity) return state;
  const current = electorsOf(lease);
  const alive = [...state.known.values()].filter((one) => isAlive(state, one, current, now));
  const preferred = preferredOf(lease);
  const desired = chooseElectors(self(state, now), alive, current, preferred);
  const known = [self(state, now), ...alive];
  const isKnown = ({ id }: Elector) => known.some((one) => one.id === id);
  const good =
    current.every(isKnown) &&
    current.length === desired.length &&
    spreadOf(current, known) >= spreadOf(desired, known);
  // Who is preferred stands second, behind the leader: the order is that of their turns.
  const isInTurn = desired[1]?.id === current[1]?.id || podOf(desired[1]?.id ?? '') !== preferred;
  if (isInTurn && (good || sameElectors(current, desired))) return state;
  return {
    ...state,
    wanted: { electors: desired, sinceMs: now.monotonicMs },
    beatDueMs: now.monotonicMs,
  };
}

/** Electors are asked again and again; of the others the last word may be old. */
function isAlive(state: ElectionState, one: Known, current: readonly Elector[], now: Instant): boolean {
  const silentMs = now.monotonicMs - one.seenMs;
  const asked = current.some(({ id }) => id === one.id);
  return silentMs < (asked ? GONE_MS : 2.5 * state.config.heartbeatMs) && state.peers.includes(one.host);
}

/** Those that did not promise in time are forgotten until they answer again. */
function dropped(state: ElectionState, electors: readonly Elector[], now: Instant): ElectionState {
  const known = new Map(state.known);
  for (const one of electors) if (heldBy(state, [one]) <= now.monotonicMs) known.delete(one.host);
  return { ...state, known, wanted: undefined, changeNotBeforeMs: now.monotonicMs + TRIAL_MS };
}
