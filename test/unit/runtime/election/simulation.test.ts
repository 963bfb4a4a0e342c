import { step } from '@hyperpage/runtime';
import { type Rules, SOUND, simulate } from './simulator.ts';

const SEEDS = Array.from({ length: 400 }, (_, index) => index + 1);

const violationsUnder = (rules: Rules, seeds = SEEDS) =>
  seeds.flatMap((seed) => simulate(seed, rules).violations.map((what) => `seed ${seed}, ${what}`));

describe('election under delays, losses, pauses, restarts, deleted Leases and clock rates within 5 %', () => {
  test('no two processes are ever valid at once (E1) and terms strictly grow (E2)', () => {
    expect(violationsUnder(SOUND)).toEqual([]);
  });

  test('somebody leads most of the time, however bad the world is', () => {
    const led = SEEDS.map((seed) => simulate(seed).led);
    expect(led.reduce((sum, part) => sum + part, 0) / led.length).toBeGreaterThan(0.5);
  });
});

/** Each breaks one rule of the machine: the simulation must find it, or its silence above proves nothing. */
const MUTANTS: Array<[string, Rules]> = [
  ['has no guard time', { ...SOUND, guardRatio: 0 }],
  ['counts validity from the answer instead of the send', { ...SOUND, step: fromTheAnswer(step) }],
  ['takes the Lease after half of its duration', { ...SOUND, step: impatient(step) }],
  ['takes a write without an answer for done', { ...SOUND, step: trusting(step) }],
  ['takes a Lease held by someone unknown at once', { ...SOUND, step: careless(step) }],
  ['forgets the highest term', { ...SOUND, step: forgetful(step) }],
];

test.each(MUTANTS)('the simulation finds a candidate that %s', (_, rules) => {
  const seeds = Array.from({ length: 3000 }, (_, index) => index + 1);
  const found = seeds.find((seed) => simulate(seed, rules).violations.length > 0);
  expect(found).toBeDefined();
});

function fromTheAnswer(sound: typeof step): typeof step {
  return (state, event, now) => {
    const { inFlight } = state;
    return event.kind === 'write-answered' && inFlight !== undefined && inFlight.kind !== 'read'
      ? sound({ ...state, inFlight: { ...inFlight, sentAtMs: now.monotonicMs } }, event, now)
      : sound(state, event, now);
  };
}

function impatient(sound: typeof step): typeof step {
  return (state, event, now) => {
    const { observed, role } = state;
    const early = observed && role.kind === 'follower' && now.monotonicMs - observed.sinceMs > 3000;
    return sound(early ? { ...state, observed: { ...observed, sinceMs: -1e9 } } : state, event, now);
  };
}

function trusting(sound: typeof step): typeof step {
  return (state, event, now) => {
    const { inFlight } = state;
    return event.kind === 'write-answered' &&
      event.outcome.kind === 'unknown' &&
      inFlight !== undefined &&
      inFlight.kind !== 'read'
      ? sound(state, { kind: 'write-answered', outcome: { kind: 'written', lease: inFlight.lease } }, now)
      : sound(state, event, now);
  };
}

function careless(sound: typeof step): typeof step {
  return (state, event, now) => {
    if (event.kind !== 'read-answered' || event.outcome.kind !== 'found') return sound(state, event, now);
    const { lease } = event.outcome;
    if (lease.spec?.holderIdentity !== 'unknown') return sound(state, event, now);
    const free = { ...lease, spec: { ...lease.spec, holderIdentity: '' } };
    return sound(state, { kind: 'read-answered', outcome: { kind: 'found', lease: free } }, now);
  };
}

function forgetful(sound: typeof step): typeof step {
  return (state, event, now) =>
    event.kind === 'floor' ? { state, effects: [] } : sound({ ...state, highestTerm: 0 }, event, now);
}
