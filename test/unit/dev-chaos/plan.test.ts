import { KIND_NAMES, kindsOf, missingFor } from '../../../dev/chaos/catalogue.ts';
import { describeSteps, planRounds } from '../../../dev/chaos/plan.ts';

const plan = (seed: number, rounds = 40) => planRounds({ seed, rounds, kinds: KIND_NAMES });

test('the same seed, rounds and faults are the same plan', () => {
  expect(plan(7)).toEqual(plan(7));
  expect(plan(7)).not.toEqual(plan(8));
});

test('a longer run begins as the shorter one did', () => {
  expect(plan(7, 40).slice(0, 10)).toEqual(plan(7, 10));
});

test('the order in which faults are named does not change the plan', () => {
  const of = (...words: string[]) =>
    planRounds({ seed: 1, rounds: 9, kinds: kindsOf(words) as typeof KIND_NAMES });
  expect(of('roll', 'kill-primary', 'hang-primary')).toEqual(of('hang-primary', 'roll', 'kill-primary'));
});

test('every kind comes once before any comes again', () => {
  const kinds = plan(3, 2 * KIND_NAMES.length).map(({ kind }) => kind);
  expect(kinds.slice(0, KIND_NAMES.length).sort()).toEqual([...KIND_NAMES].sort());
  expect(kinds.slice(KIND_NAMES.length).sort()).toEqual([...KIND_NAMES].sort());
});

test('steps come in the order of their time, and what is broken for a while is put right by the last one', () => {
  const putsRight = {
    hang: 'resume',
    'stop-node': 'start-node',
    'cut-node': 'heal-node',
    'stop-part': 'start-part',
  } as const;
  const wrong: string[] = [];
  for (let seed = 0; seed < 200; seed++) {
    for (const { steps } of plan(seed, KIND_NAMES.length)) {
      expect(steps.map(({ atMs }) => atMs)).toEqual(steps.map(({ atMs }) => atMs).sort((a, b) => a - b));
      const [first] = steps;
      const end = putsRight[first?.act as keyof typeof putsRight];
      if (end && steps.at(-1)?.act !== end) wrong.push(describeSteps(steps));
    }
  }
  expect(wrong).toEqual([]);
});

test('hangs of the primary are drawn shorter and longer than the silence after which Sentinel calls it down', () => {
  const lengths = Array.from({ length: 50 }, (_, seed) =>
    planRounds({ seed, rounds: 1, kinds: ['hang-primary'] }),
  ).map(([round]) => round?.steps.at(-1)?.atMs ?? 0);
  expect(lengths.some((ms) => ms < 5_000)).toBe(true);
  expect(lengths.some((ms) => ms > 5_000)).toBe(true);
});

test('a word stands for a kind, a group or all; the first that stands for none is told', () => {
  expect(kindsOf(['kill-primary'])).toEqual(['kill-primary']);
  expect(kindsOf(['hang'])).toEqual(['hang-primary', 'hang-replica', 'hang-sentinel']);
  expect(kindsOf(['all'])).toEqual(KIND_NAMES);
  expect(kindsOf(['hang', 'toString'])).toEqual({ unknown: 'toString' });
});

test('without storage no fault deletes every Redis pod, and on a cluster of others no node is broken', () => {
  const possible = KIND_NAMES.filter((name) => missingFor(name, new Set(['sentinel'])).length === 0);
  expect(possible).toContain('kill-all-redis');
  expect(possible).not.toContain('delete-all-redis-pods');
  expect(possible.some((name) => /node|apiserver/.test(name))).toBe(false);
});

test('steps are told in words', () => {
  expect(
    describeSteps([
      { atMs: 0, act: 'cut-node', whom: 'primary', direction: 'sent' },
      { atMs: 7_200, act: 'heal-node', whom: 'primary' },
    ]),
  ).toBe('cut the node of the primary (sent), after 7.2 s heal the node of the primary');
});
