import { join } from 'node:path';
import type { Bench } from '../entry.ts';
import { cpuMicros } from '../proc.ts';
import { startProgram } from '../program.ts';
import type { Job, JobResult } from './job.ts';

export interface LoadResult extends JobResult {
  /** CPU that the watched process used for each request, in microseconds. */
  cpuMicrosPerRequest: number | undefined;
}

/** Runs a job in a load process of its own. `watchPid`: the process whose CPU is counted.
 *  @throws Error when answers were wrong: figures of failed requests mean nothing. */
export async function runLoad(bench: Bench, job: Job, watchPid?: number): Promise<LoadResult> {
  const load = startProgram(bench, [process.execPath, join(import.meta.dirname, 'main.ts')], {
    input: JSON.stringify(job),
  });
  const limitMs = job.warmupMs + job.forMs + 30_000;
  const ending = load.line(/^\{/, limitMs);
  ending.catch(() => {});
  await load.line(/^counting$/, limitMs);
  const cpuBefore = watchPid === undefined ? undefined : await cpuMicros(watchPid);
  const result = JSON.parse(await ending) as JobResult;
  const cpuAfter = watchPid === undefined ? undefined : await cpuMicros(watchPid);
  if (Object.keys(result.errors).length > 0 || result.samples.length === 0) {
    throw new Error(`wrong answers under load: ${JSON.stringify(result.errors)}`);
  }
  return {
    ...result,
    cpuMicrosPerRequest:
      cpuBefore === undefined || cpuAfter === undefined
        ? undefined
        : (cpuAfter - cpuBefore) / result.samples.length,
  };
}
