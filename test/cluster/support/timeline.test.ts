import { ANYTHING, either, Timeline, worstLag } from './timeline.ts';

const timeline = (...changes: Array<[atMs: number, value: string]>) => {
  const made = new Timeline<string>();
  for (const [atMs, value] of changes) made.set(atMs, value);
  return made;
};

test('who follows a change late lags by that time', () => {
  const told = timeline([0, 'True'], [6_100, 'False'], [9_300, 'True']);
  const lag = worstLag(timeline([0, 'True'], [1_000, 'False'], [9_000, 'True']), told, 0, 20_000);
  expect(lag).toEqual({ ms: 5_100, truth: 'False', told: 'True', atMs: 1_000 });
});

test('who says something wrong while the truth stays lags since the truth began', () => {
  const lag = worstLag(
    timeline([0, 'True']),
    timeline([0, 'True'], [5_000, 'False'], [6_000, 'True']),
    0,
    9_000,
  );
  expect(lag?.ms).toBe(6_000);
});

test('a truth that passes before anybody can follow counts no longer than it lasted', () => {
  const lag = worstLag(
    timeline([0, 'True'], [1_000, 'False'], [1_400, 'True']),
    timeline([0, 'True']),
    0,
    20_000,
  );
  expect(lag?.ms).toBe(400);
});

test('nothing is wrong where the truth is anything, and before the time that is looked at', () => {
  const truth = timeline([0, 'a'], [1_000, ANYTHING], [5_000, 'b']);
  expect(worstLag(truth, timeline([0, 'b']), 1_000, 9_000)).toBeUndefined();
});

test('who says what becomes true a moment later knew it first, and who says it much too early is wrong', () => {
  const truth = timeline([0, 'True'], [30_000, 'False']);
  expect(worstLag(truth, timeline([0, 'True'], [28_000, 'False']), 0, 40_000)).toBeUndefined();
  expect(worstLag(truth, timeline([0, 'True'], [20_000, 'False']), 0, 40_000)?.ms).toBe(30_000);
});

test('words that are right beside each other, and words that are never wrong, do not lag', () => {
  const truth = timeline([0, either('False', 'Unknown')], [10_000, 'True']);
  expect(worstLag(truth, timeline([0, 'Unknown'], [10_500, 'True']), 0, 20_000)?.ms).toBe(500);
  const hung = timeline([0, 'False'], [4_000, 'Unknown'], [19_000, 'True']);
  expect(worstLag(truth, hung, 0, 20_000, ['Unknown'])).toBeUndefined();
});
