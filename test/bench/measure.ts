/** The value below which `percent` percent of the samples lie (nearest rank). @throws RangeError without samples. */
export const percentile = (samples: readonly number[], percent: number): number =>
  ofSorted(
    samples.toSorted((a, b) => a - b),
    percent,
  );

export interface Summary {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

/** The figures of a row, from samples in any order. @throws RangeError without samples. */
export function summary(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    p50: ofSorted(sorted, 50),
    p99: ofSorted(sorted, 99),
    max: ofSorted(sorted, 100),
  };
}

function ofSorted(sorted: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  const value = sorted[rank - 1];
  if (value === undefined) throw new RangeError('no samples');
  return value;
}
