import { percentile, summary } from '../../bench/measure.ts';

describe('percentile', () => {
  it('is the smallest sample with enough samples at or below it', () => {
    const samples = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(samples, 50)).toBe(50);
    expect(percentile(samples, 99)).toBe(99);
    expect(percentile(samples, 100)).toBe(100);
  });

  it('is the only sample when there is but one', () => {
    expect([percentile([7], 1), percentile([7], 99)]).toEqual([7, 7]);
  });

  it('orders numbers by size and not as text', () => {
    expect(percentile([10, 9, 100], 50)).toBe(10);
  });

  it('leaves the samples as they were', () => {
    const samples = [3, 1, 2];
    percentile(samples, 50);
    expect(samples).toEqual([3, 1, 2]);
  });

  it('refuses to make up a figure without samples', () => {
    expect(() => percentile([], 50)).toThrow(RangeError);
  });
});

describe('summary', () => {
  it('gives count, p50, p99 and the largest', () => {
    const samples = Array.from({ length: 200 }, (_, index) => index + 1);
    expect(summary(samples)).toEqual({ count: 200, p50: 100, p99: 198, max: 200 });
  });
});
