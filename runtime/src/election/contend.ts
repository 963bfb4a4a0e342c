import {
  chooseElectors,
  electorsOf,
  type Known,
  MOST_ELECTORS,
  majorityOf,
  preferredOf,
} from './electors.ts';
import { consider } from './promise.ts';
import { durationMs, holderOf, nextTerm } from './record.ts';
import type { ElectionState, Instant, Predecessor, Round, Step } from './state.ts';
import { asksOf, askToPromise, chain, giveBack, heldBy, hostsOf } from './support.ts';
import { quiet } from './transitions.ts';

/** How a follower comes to take the Lease: when it may, and the promises that it gathers before it does. */

/** One elector tries after the other, in the order of the Lease: most times the first one wins before the second
 *  begins. */
const staggerMs = (beatMs: number) => beatMs / 3;
/** Answers come within milliseconds, or the one who should answer is gone. */
const roundMs = (beatMs: number) => beatMs;

interface Take {
  kind: Round['kind'];
  /** From when on, on the monotonic clock. */
  atMs: number;
}

/** How and from when on this process may take the Lease as it was last seen; undefined: not at all. A missing Lease is
 *  taken by nobody: see `founding`. */
export function takeOf(state: ElectionState, now: Instant): Take | undefined {
  const take = earliestTake(state, now);
  return take && { ...take, atMs: Math.max(take.atMs, state.abstainUntilMs) };
}

function earliestTake(state: ElectionState, now: Instant): Take | undefined {
  const { observed, config } = state;
  if (observed?.lease === undefined) return undefined;
  const { lease, sinceMs } = observed;
  const holder = holderOf(lease, config.identity);
  // Leadership that we let lapse; nobody else took it, as the compare-and-swap will prove.
  if (holder === 'us') return { kind: 'open', atMs: state.retakeNotBeforeMs };
  if (holder === 'free') return { kind: 'open', atMs: sinceMs + turnMs(state) };
  const silentAtMs = sinceMs + (durationMs(lease) ?? state.longestMs);
  const promisedUntilMs = isElector(state) ? state.promised?.untilMs : undefined;
  if (promisedUntilMs === undefined || now.monotonicMs >= silentAtMs)
    return { kind: 'open', atMs: silentAtMs + turnMs(state) };
  return { kind: 'held', atMs: Math.min(promisedUntilMs + turnMs(state), silentAtMs) };
}

/** Who leads or led, by the Lease; undefined: nobody yet, this process, or who knows. */
export function predecessorOf({ observed, config, heardMs, round }: ElectionState): Predecessor | undefined {
  if (observed?.lease === undefined) return undefined;
  const holder = holderOf(observed.lease, config.identity);
  if (holder === 'other') return { how: round?.kind === 'held' ? 'promises' : 'expiry', heardMs };
  const wasHeld = (observed.lease.spec?.leaseTransitions ?? 0) > 0;
  return holder === 'free' && wasHeld ? { how: 'handed-over', heardMs } : undefined;
}

const candidatesOf = ({ observed }: ElectionState) =>
  electorsOf(observed?.lease).filter(({ id }) => id !== observed?.lease?.spec?.holderIdentity);

/** Whether the Lease names this process, and not as its holder. */
export const isElector = (state: ElectionState) =>
  candidatesOf(state).some(({ id }) => id === state.config.identity);

/** How long this process leaves the Lease to those who come before it. */
function turnMs(state: ElectionState): number {
  const { electors, identity, jitter } = state.config;
  if (!electors) return 0;
  const before = candidatesOf(state);
  const rank = before.findIndex(({ id }) => id === identity);
  if (rank >= 0) return rank * staggerMs(electors.beatMs);
  return before.length === 0 ? 0 : MOST_ELECTORS * (1 + jitter) * staggerMs(electors.beatMs);
}

/** When the round under way, or the next one, has something to do. */
export function roundDueMs(state: ElectionState, now: Instant): number {
  if (state.round) return state.round.endsAtMs;
  const take = takeOf(state, now);
  return take ? Math.max(take.atMs, state.roundNotBeforeMs) : Number.POSITIVE_INFINITY;
}

const basisOf = ({ observed }: ElectionState): string =>
  `${observed?.lease?.metadata.uid}/${observed?.lease?.metadata.resourceVersion}`;

/** Begins a round when one is due, and takes it as far as the answers allow. */
export function contend(state: ElectionState, now: Instant): Step {
  const { round } = state;
  if (round) {
    const outdated =
      state.role.kind === 'leader' || round.basis !== basisOf(state) || round.term <= state.highestTerm;
    if (outdated) return abandon(state, round, now);
    // Somebody has promised a higher term: a probe under that one costs nothing.
    if (round.stage === 'probing' && state.refusedTerm >= round.term) return begin(state, round.kind, now);
    return advance(state, round, now);
  }
  if (state.role.kind === 'leader' || state.mustRead || state.inFlight !== undefined) return quiet(state);
  const take = takeOf(state, now);
  if (!take || now.monotonicMs < Math.max(take.atMs, state.roundNotBeforeMs)) return quiet(state);
  return begin(state, take.kind, now);
}

function begin(state: ElectionState, kind: Round['kind'], now: Instant): Step {
  const electors = electorsOf(state.observed?.lease);
  const round: Round = {
    kind,
    stage: 'probing',
    term: nextTerm(state, state.observed?.lease),
    basis: basisOf(state),
    electors: kind === 'held' ? electors : [],
    hosts: kind === 'held' ? hostsOf(electors) : openHosts(state),
    willing: new Map(),
    answers: 0,
    endsAtMs: now.monotonicMs + roundMs(state.config.electors?.beatMs ?? 0),
  };
  // Nobody to ask: the Lease alone decides.
  if (kind === 'open' && round.hosts.length === 0) return quiet(won(state, round, []));
  if (kind === 'open') return gather(state, round, now);
  const { identity: candidate } = state.config;
  const ask = { do: 'probe', candidate, term: round.term } as const;
  const willing = consider(state, ask, now).granted ? [self(state, now)] : [];
  return {
    state: { ...state, round: { ...round, willing: byId(willing) } },
    effects: asksOf(state, round.hosts, ask, now),
  };
}

/** Twice as many as become electors: some may not answer. Those named before come first. */
const openHosts = ({ observed, peers }: ElectionState) =>
  [...new Set([...hostsOf(electorsOf(observed?.lease)), ...peers])].slice(0, 2 * MOST_ELECTORS);

function gather(state: ElectionState, round: Round, now: Instant): Step {
  const asked = askToPromise(state, round.hosts, round.term, now);
  // Who has promised itself to another has to leave it to that one.
  if (asked.state.promised?.to !== state.config.identity) return fail(state, now);
  const gathering: Round = {
    ...round,
    stage: 'gathering',
    willing: new Map(),
    answers: 0,
    endsAtMs: now.monotonicMs + roundMs(state.config.electors?.beatMs ?? 0),
  };
  return chain({ ...asked, state: { ...asked.state, round: gathering } }, (next) =>
    advance(next, gathering, now),
  );
}

function advance(state: ElectionState, round: Round, now: Instant): Step {
  const late = now.monotonicMs >= round.endsAtMs;
  if (round.stage === 'probing') {
    const willing = round.electors.filter(({ id }) => round.willing.has(id)).length;
    if (willing >= majorityOf(round.electors)) return gather(state, round, now);
    return late ? fail(state, now) : quiet(state);
  }
  if (round.kind === 'held' || round.stage === 'won') {
    if (heldBy(state, round.electors) > now.monotonicMs) return quiet(won(state, round, round.electors));
    return late || round.stage === 'won' ? abandon(state, round, now) : quiet(state);
  }
  const others = round.hosts.filter((host) => host !== state.config.electors?.host).length;
  const enough = round.answers >= others || round.willing.size >= MOST_ELECTORS - 1;
  if (!enough && !late) return quiet(state);
  const electors = chooseElectors(
    self(state, now),
    [...round.willing.values()],
    electorsOf(state.observed?.lease),
    preferredOf(state.observed?.lease),
  );
  return quiet(won(state, round, electors));
}

/** Won until the promises lapse: the write may have to wait for an answer that is under way. */
const won = (state: ElectionState, round: Round, electors: Round['electors']): ElectionState => ({
  ...state,
  round: { ...round, stage: 'won', electors, endsAtMs: heldBy(state, electors) },
});

/** The promises of a round that cannot be won any more go back. */
const abandon = (state: ElectionState, round: Round, now: Instant): Step =>
  chain(round.stage === 'probing' ? quiet(state) : giveBack(state, round.hosts, round.term, now), (next) =>
    fail(next, now),
  );

/** Those who failed together must not come back together: each has a spread of its own, another each time. */
function fail(state: ElectionState, now: Instant): Step {
  const { jitter, electors } = state.config;
  const spread = (jitter + state.attempts * 0.618) % 1;
  const roundNotBeforeMs = now.monotonicMs + (electors?.beatMs ?? 0) * (0.2 + spread);
  return quiet({ ...state, round: undefined, attempts: state.attempts + 1, roundNotBeforeMs });
}

export const self = ({ config }: ElectionState, now: Instant): Known => ({
  id: config.identity,
  host: config.electors?.host ?? '',
  node: config.electors?.node ?? '',
  seenMs: now.monotonicMs,
});

const byId = (known: readonly Known[]) => new Map(known.map((one) => [one.id, one]));
