/** The value below which `percent` percent of the samples lie (nearest rank). @throws RangeError without samples. */
export function percentile(samples: readonly number[], percent: number): number {
  if (samples.length === 0) throw new RangeError('no samples');
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] as number;
}

export interface Load {
  /** Latency of each call, in milliseconds. */
  samples: number[];
  perSecond: number;
}

/** Calls `call(worker, turn)` from `workers` loops, each one after the other, until `forMs` has passed; what was
 *  called in the first `warmupMs` does not count. */
export async function load(
  options: { workers: number; forMs: number; warmupMs: number },
  call: (worker: number, turn: number) => Promise<void>,
): Promise<Load> {
  const samples: number[] = [];
  const countFrom = performance.now() + options.warmupMs;
  const until = countFrom + options.forMs;
  const loop = async (worker: number) => {
    for (let turn = 0; performance.now() < until; turn += 1) {
      const sentAt = performance.now();
      await call(worker, turn);
      if (sentAt >= countFrom) samples.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: options.workers }, (_, worker) => loop(worker)));
  return { samples, perSecond: samples.length / (options.forMs / 1000) };
}
