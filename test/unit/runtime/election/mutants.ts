import { LEASE_ANNOTATIONS } from '@hyperpage/contract';
import { electorsOf, step } from '@hyperpage/runtime';
import { heldBy } from '../../../../runtime/src/election/support.ts';
import { lateAnswer, restartedElector, type Scenario } from './scenarios.ts';
import type { Rules } from './simulated-candidate.ts';
import { SOUND } from './simulator.ts';

/** Machines that break one rule each: the simulation has to find every one, or its silence about the sound one proves
 *  nothing. */

type Machine = typeof step;

const broken = (machine: Machine): Rules => ({ ...SOUND, step: machine });

/** Rules about the Lease. */
export const LEASE_MUTANTS: Array<[string, Rules]> = [
  ['has no guard time', { ...SOUND, guardRatio: 0 }],
  ['counts validity from the answer instead of the send', broken(fromTheAnswer)],
  ['takes the Lease after half of its duration', broken(impatient)],
  ['takes a write without an answer for done', broken(trusting)],
  ['takes a Lease held by someone unknown at once', broken(careless)],
  ['forgets the highest term', broken(forgetful)],
  ['writes the Lease without comparing', { ...SOUND, blindWrites: true }],
  ['counts by the wall clock', { ...SOUND, byTheWall: true }],
];

/** Rules about electors. */
export const ELECTOR_MUTANTS: Array<[string, Rules]> = [
  ['has no guard time', { ...SOUND, guardRatio: 0 }],
  ['is content with one promise', broken(withoutMajority)],
  ['changes the electors without the majority of both', broken(withoutJoint)],
  ['writes the Lease without comparing', { ...SOUND, blindWrites: true }],
  ['takes over under the term that it found', broken(sameTerm)],
  ['takes a Lease held by someone unknown at once', broken(careless)],
  ['forgets what it told its app when it names electors', { ...SOUND, tellsAll: true }],
  ['promises while it has promised another', broken(faithless)],
  ['counts by the wall clock', { ...SOUND, byTheWall: true }],
];

/** Rules about electors that chance hardly ever needs: the scenario that does. */
export const RARE_MUTANTS: Array<[string, Rules, Scenario]> = [
  ['forgets the terms that it has promised', broken(withoutMemory), lateAnswer],
  ['goes by the name of the process before it', { ...SOUND, sameBoot: true }, restartedElector],
];

function fromTheAnswer(...[state, event, now]: Parameters<Machine>) {
  const { inFlight } = state;
  return event.kind === 'write-answered' && inFlight !== undefined && inFlight.kind !== 'read'
    ? step({ ...state, inFlight: { ...inFlight, sentAtMs: now.monotonicMs } }, event, now)
    : step(state, event, now);
}

function impatient(...[state, event, now]: Parameters<Machine>) {
  const { observed, role } = state;
  const early = observed && role.kind === 'follower' && now.monotonicMs - observed.sinceMs > 3000;
  return step(early ? { ...state, observed: { ...observed, sinceMs: -1e9 } } : state, event, now);
}

function trusting(...[state, event, now]: Parameters<Machine>) {
  const { inFlight } = state;
  return event.kind === 'write-answered' &&
    event.outcome.kind === 'unknown' &&
    inFlight !== undefined &&
    inFlight.kind !== 'read'
    ? step(state, { kind: 'write-answered', outcome: { kind: 'written', lease: inFlight.lease } }, now)
    : step(state, event, now);
}

function careless(...[state, event, now]: Parameters<Machine>) {
  if (event.kind !== 'read-answered' || event.outcome.kind !== 'found') return step(state, event, now);
  const { lease } = event.outcome;
  if (lease.spec?.holderIdentity !== 'unknown') return step(state, event, now);
  const free = { ...lease, spec: { ...lease.spec, holderIdentity: '' } };
  return step(state, { kind: 'read-answered', outcome: { kind: 'found', lease: free } }, now);
}

function forgetful(...[state, event, now]: Parameters<Machine>) {
  return event.kind === 'floor' ? { state, effects: [] } : step({ ...state, highestTerm: 0 }, event, now);
}

/** One promise counts as all of them. */
function withoutMajority(...[state, event, now]: Parameters<Machine>) {
  const { grants } = state.support;
  const last = Math.max(Number.NEGATIVE_INFINITY, ...grants.values());
  const named = electorsOf(state.observed?.lease).map(({ id }) => [id, last] as const);
  return step(
    { ...state, support: { ...state.support, grants: new Map([...grants, ...named]) } },
    event,
    now,
  );
}

function withoutMemory(...[state, event, now]: Parameters<Machine>) {
  if (event.kind !== 'asked' || event.ask.do !== 'promise') return step(state, event, now);
  const { promised, highestTerm } = state;
  const lapsed = promised && now.monotonicMs >= promised.untilMs;
  const done = step(
    {
      ...state,
      promised: promised && { ...promised, term: 0, ...(lapsed ? { to: '' } : {}) },
      highestTerm: 0,
    },
    event,
    now,
  );
  return {
    ...done,
    state: { ...done.state, highestTerm: Math.max(highestTerm, done.state.highestTerm) },
  };
}

function withoutJoint(...[state, event, now]: Parameters<Machine>) {
  const done = step(state, event, now);
  const { role, observed } = done.state;
  if (role.kind === 'follower') return done;
  const validUntilMs = Math.min(role.leaseUntilMs, heldBy(done.state, electorsOf(observed?.lease)));
  return { ...done, state: { ...done.state, role: { ...role, validUntilMs } } };
}

function sameTerm(...[state, event, now]: Parameters<Machine>) {
  const done = step(state, event, now);
  const { inFlight } = done.state;
  if (inFlight === undefined || inFlight === state.inFlight || inFlight.kind !== 'acquire') return done;
  const term = Math.max(1, inFlight.term - 1);
  const { metadata } = inFlight.lease;
  const annotations = { ...metadata.annotations, [LEASE_ANNOTATIONS.term]: String(term) };
  const write = { ...inFlight, term, lease: { ...inFlight.lease, metadata: { ...metadata, annotations } } };
  return {
    state: { ...done.state, inFlight: write },
    effects: done.effects.map((one) => (one.kind === 'write' ? { ...one, write } : one)),
  };
}

function faithless(...[state, event, now]: Parameters<Machine>) {
  const { promised } = state;
  const free =
    event.kind === 'asked' && promised ? { ...promised, untilMs: Number.NEGATIVE_INFINITY } : promised;
  return step({ ...state, promised: free }, event, now);
}
