import { beliefOf, overlaps } from '../../bench/beliefs.ts';

describe('what a process told of its leadership', () => {
  it('holds from when the answer came, for as long as was left when it was asked', () => {
    expect(beliefOf('a', { askedMs: 100, arrivedMs: 110, validForMs: 500 })).toEqual({
      who: 'a',
      fromMs: 110,
      untilMs: 600,
    });
  });
  it('is nothing when it does not lead, or when the answer took longer than its validity', () => {
    expect(beliefOf('a', { askedMs: 100, arrivedMs: 110, validForMs: 0 })).toBeUndefined();
    expect(beliefOf('a', { askedMs: 100, arrivedMs: 700, validForMs: 500 })).toBeUndefined();
  });
});

describe('overlaps', () => {
  const belief = (who: string, fromMs: number, untilMs: number) => ({ who, fromMs, untilMs });

  it('are none of one process with itself, and none where one ends as the other begins', () => {
    expect(overlaps([belief('a', 0, 100), belief('a', 50, 150), belief('b', 150, 200)])).toEqual([]);
  });
  it('are found whatever the order, also with one from long ago, and told once', () => {
    const told = [
      belief('b', 900, 950),
      belief('a', 0, 1000),
      belief('b', 960, 1200),
      belief('c', 1300, 1400),
    ];
    expect(overlaps(told)).toEqual(['a and b']);
    expect(overlaps(told.toReversed())).toEqual(['a and b']);
  });
});
