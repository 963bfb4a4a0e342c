import type { Rules } from './simulated-candidate.ts';
import { ELECTOR_MUTANTS, LEASE_MUTANTS, RARE_MUTANTS } from './mutants.ts';
import { type Options, SOUND, simulate, World } from './simulator.ts';

const seedsUpTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const SEEDS = seedsUpTo(Number(process.env['HYPERPAGE_SEEDS'] ?? 100));

const violationsOf = (options: Options) =>
  SEEDS.flatMap((seed) => simulate(seed, options).violations.map((what) => `seed ${seed}, ${what}`));

describe.each([
  ['by the Lease alone', false],
  ['with electors', true],
])('election %s, under every fault at once', (_, electors) => {
  test('no two processes are ever valid at once (E1) and terms strictly grow (E2)', () => {
    expect(violationsOf({ electors })).toEqual([]);
  });
});

test('by the Lease alone somebody leads most of the time, however bad the world is', () => {
  const led = SEEDS.map((seed) => simulate(seed).led);
  expect(led.reduce((sum, part) => sum + part, 0) / led.length).toBeGreaterThan(0.5);
});

/** The first seed that shows it. */
const foundBy = (rules: Rules, electors: boolean) =>
  seedsUpTo(3000).find((seed) => simulate(seed, { rules, electors }).violations.length > 0);

test.each(LEASE_MUTANTS)('by the Lease alone, the simulation finds a candidate that %s', (_, rules) => {
  expect(foundBy(rules, false)).toBeDefined();
});

test.each(ELECTOR_MUTANTS)('with electors, the simulation finds a candidate that %s', (_, rules) => {
  expect(foundBy(rules, true)).toBeDefined();
});

test.each(RARE_MUTANTS)(
  'with electors, a written scenario finds a candidate that %s',
  (_, rules, scenario) => {
    const seeds = seedsUpTo(60);
    expect(seeds.find((seed) => scenario(seed, rules).violations.length > 0)).toBeDefined();
    expect(seeds.flatMap((seed) => scenario(seed, SOUND).violations)).toEqual([]);
  },
);

describe('with electors, on a good network', () => {
  const gapsOf = (fault: string) =>
    seedsUpTo(10)
      .flatMap((seed) => simulate(seed, { electors: true, calmMs: 10_000, faults: [fault] }).gapsMs)
      .sort((a, b) => a - b);

  // Of the partitions some leave nobody a majority, or none of it the API server.
  test.each([
    ['crash', 0.8],
    ['pause', 0.8],
    ['partition', 0.6],
  ])('after a %s most times another one leads in under a second', (fault, part) => {
    const gaps = gapsOf(fault);
    expect(gaps.length).toBeGreaterThan(20);
    expect(gaps[Math.floor(gaps.length * part)]).toBeLessThan(1000);
  });

  test('the pod that somebody prefers leads a moment later, and goes on', () => {
    for (const seed of seedsUpTo(10)) {
      const world = new World(seed, { electors: true, calmMs: 1e9, faults: [] });
      world.run(8_000);
      const others = ['pod-0', 'pod-1', 'pod-2'].filter((pod) => pod !== world.leader()?.pod);
      world.prefer(others[seed % 2]);
      world.run(14_000);
      const { highestTerm } = world;
      expect(world.leader()?.pod).toBe(others[seed % 2]);
      world.run(60_000);
      expect([world.leader()?.pod, world.highestTerm]).toEqual([others[seed % 2], highestTerm]);
    }
  });

  test('after a stop another one leads within a tenth of a second', () => {
    const gaps = gapsOf('stop');
    expect(gaps[Math.floor(gaps.length * 0.8)]).toBeLessThan(100);
  });
});
