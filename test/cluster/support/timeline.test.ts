import { ANYTHING, Timeline, worstLag } from './timeline.ts';

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
