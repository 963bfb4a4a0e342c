import { type Elector, electorsOf, heldUntilMs } from './electors.ts';
import { type Ask, consider } from './promise.ts';
import { holderOf } from './record.ts';
import type { AskEffect, Effect, ElectionState, Instant, Step, Support } from './state.ts';

/** Promises to this process: how long they hold, and asking for them. */

/** Until when electors support this process: a majority of those that the Lease names, and of those that a write of ours
 *  names which may be done without our knowing (joint consensus, as Raft's; Ongaro 2014, section 4.3). */
export function supportedUntilMs(state: ElectionState): number {
  const writes = state.inFlight === undefined || state.inFlight.kind === 'read' ? [] : [state.inFlight];
  const leases = [state.observed?.lease, ...[...writes, ...state.unsettled].map(({ lease }) => lease)];
  return Math.min(...leases.map((lease) => heldBy(state, electorsOf(lease))));
}

/** Until when others may be told that this process leads. What is told outlives the process: so it never reaches further
 *  than promises would that are asked for now, though without electors validity does, nor than those of the electors that are
 *  about to be named. */
export function tellableUntilMs(state: ElectionState, nowMs: number): number {
  const { role, config, wanted } = state;
  if (role.kind === 'follower') return Number.NEGATIVE_INFINITY;
  if (!config.electors) return role.validUntilMs;
  const trialMs = wanted ? heldBy(state, wanted.electors) : Number.POSITIVE_INFINITY;
  const trial = trialMs > nowMs ? trialMs : Number.POSITIVE_INFINITY;
  return Math.min(role.validUntilMs, nowMs + windowMs(state), trial);
}

/** When two thirds of the leader's validity have passed, be it the Lease's or the promises', if nothing renews it. */
export function expiringAtMs(state: ElectionState): number | undefined {
  const { role, config } = state;
  if (role.kind === 'follower') return undefined;
  const leaseMs = config.timeoutMs * (1 - config.guardRatio);
  return Math.min(role.leaseUntilMs - leaseMs / 3, supportedUntilMs(state) - windowMs(state) / 3);
}

/** Until when a majority of `electors` supports this process. */
export const heldBy = (state: ElectionState, electors: readonly Elector[]): number =>
  heldUntilMs(electors, state.support.grants, windowMs(state));

/** For how long a promise counts from when it was asked for. */
const windowMs = ({ config }: ElectionState) => (config.electors?.promiseMs ?? 0) * (1 - config.guardRatio);

export const granted = (support: Support, elector: string, sentAtMs: number): Support => ({
  ...support,
  grants: new Map(support.grants).set(
    elector,
    Math.max(sentAtMs, support.grants.get(elector) ?? Number.NEGATIVE_INFINITY),
  ),
});

/** Asks this process itself, and the ones at `hosts`, to promise under `term`. A holder shows the Lease with it. */
export function askToPromise(
  state: ElectionState,
  hosts: readonly string[],
  term: number,
  now: Instant,
): Step {
  const { identity, electors } = state.config;
  const lease = state.observed?.lease;
  const ask: Ask = {
    do: 'promise',
    candidate: identity,
    term,
    forMs: electors?.promiseMs ?? 0,
    lease: lease && holderOf(lease, identity) === 'us' ? lease : undefined,
  };
  const own = consider(state, ask, now);
  const support = own.granted ? granted(state.support, identity, now.monotonicMs) : state.support;
  return { state: { ...own.state, support }, effects: asksOf(state, hosts, ask, now) };
}

/** Gives back what was promised under `term`, so that others need not wait until it lapses. Only when it is sure that
 *  leadership will never follow from it. */
export function giveBack(state: ElectionState, hosts: readonly string[], term: number, now: Instant): Step {
  const lease = state.observed?.lease;
  const ask: Ask = {
    do: 'withdraw',
    candidate: state.config.identity,
    term,
    lease: lease && holderOf(lease, state.config.identity) === 'free' ? lease : undefined,
  };
  return {
    state: {
      ...consider(state, ask, now).state,
      support: { grants: new Map(), fromTerm: Math.max(state.support.fromTerm, term + 1) },
    },
    effects: asksOf(state, hosts, ask, now),
  };
}

export const asksOf = (
  { config }: ElectionState,
  hosts: readonly string[],
  ask: Ask,
  now: Instant,
): readonly AskEffect[] =>
  hosts
    .filter((host) => host !== config.electors?.host)
    .map((host) => ({ kind: 'ask', host, ask, sentAtMs: now.monotonicMs }));

export const hostsOf = (electors: readonly Elector[]): string[] => electors.map(({ host }) => host);

/** `first`, then `next` on the state that it leaves. */
export function chain(first: Step, next: (state: ElectionState) => Step): Step {
  const second = next(first.state);
  return { state: second.state, effects: [...first.effects, ...second.effects] as readonly Effect[] };
}
