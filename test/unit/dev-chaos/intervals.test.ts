import { longestGap, overlaps, united } from '../../../dev/chaos/intervals.ts';

const at = (fromMs: number, toMs: number) => ({ fromMs, toMs });

test('intervals that touch are one', () => {
  expect(united([at(5, 9), at(0, 3), at(3, 4), at(6, 7)])).toEqual([at(0, 4), at(5, 9)]);
});

test('the longest gap is between what any writer was acknowledged', () => {
  expect(longestGap([at(0, 10), at(8, 20), at(50, 60), at(70, 100)], 5, 100)).toEqual(at(20, 50));
});

test('a gap counts from the fault on, and an open end counts up to now', () => {
  expect(longestGap([at(0, 10), at(60, 61)], 40, 100)).toEqual(at(61, 100));
  expect(longestGap([at(0, 10)], 40, 100)).toEqual(at(40, 100));
  expect(longestGap([at(0, 200)], 40, 100)).toEqual(at(40, 40));
});

test('two parties overlap while both are at it', () => {
  const parties = new Map([
    ['a', [at(0, 10), at(20, 30)]],
    ['b', [at(8, 22)]],
  ]);
  expect(overlaps(parties)).toEqual([at(8, 10), at(20, 22)]);
});

test('one party seen by two observers does not overlap with itself', () => {
  expect(overlaps(new Map([['a', [at(0, 10), at(2, 12)]]]))).toEqual([]);
});

test('a party that takes over at the same moment does not overlap', () => {
  const parties = new Map([
    ['a', [at(0, 10)]],
    ['b', [at(10, 20)]],
  ]);
  expect(overlaps(parties)).toEqual([]);
});

test('three parties at once are one overlap', () => {
  const parties = new Map([
    ['a', [at(0, 30)]],
    ['b', [at(5, 20)]],
    ['c', [at(10, 25)]],
  ]);
  expect(overlaps(parties)).toEqual([at(5, 25)]);
});
