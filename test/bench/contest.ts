import type { Bench, Row } from './entry.ts';
import type { HttpTarget, Job, RedisTarget } from './load/job.ts';
import { runLoad } from './load/run.ts';
import { summary } from './measure.ts';
import { processMemory } from './proc.ts';
import type { Round, Standing } from './standing.ts';

/** What all contenders are put under. */
export interface Load extends Omit<Job, 'target'> {
  /** Name in ids: `read`, `write-paced`. */
  name: string;
  what: string;
}

/** One who is put under load, and the process that bears it: its CPU and its memory are counted. */
export interface Contender {
  name: string;
  pid: number;
  run(load: Load): Promise<Round>;
}

export const underLoad = (
  bench: Bench,
  name: string,
  pid: number,
  target: HttpTarget | RedisTarget,
): Contender => ({
  name,
  pid,
  run: async ({ connections, warmupMs, forMs, perSecond }) => {
    const pace = perSecond === undefined ? {} : { perSecond };
    const result = await runLoad(bench, { connections, warmupMs, forMs, ...pace, target }, pid);
    const { p50, p99 } = summary(result.samples);
    return {
      perSecond: result.perSecond,
      p50Ms: p50,
      p99Ms: p99,
      cpuMicros: result.cpuMicrosPerRequest ?? Number.NaN,
    };
  },
});

const ROUNDS = 3;

/** All contenders in turn, round after round, so that a slow spell of the machine meets all; of each figure the median
 *  of the rounds. */
export async function contest(
  bench: Bench,
  load: Load,
  contenders: readonly Contender[],
): Promise<Standing[]> {
  const rounds = contenders.map((): Round[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [place, contender] of contenders.entries()) rounds[place]?.push(await contender.run(load));
  }
  const standings = await Promise.all(
    contenders.map(async ({ name, pid }, place) => ({
      load: load.name,
      contender: name,
      ...ofRounds(rounds[place] ?? []),
      ...(await processMemory(pid)),
    })),
  );
  const said = standings.map(({ contender, perSecond }) => `${contender} ${perSecond.toFixed(0)}/s`);
  bench.say(`${load.what}: ${said.join('; ')}`);
  return standings;
}

/** @throws RangeError without rounds. */
export function ofRounds(rounds: readonly Round[]): Round {
  const median = (figure: (round: Round) => number) => summary(rounds.map(figure)).p50;
  return {
    perSecond: median(({ perSecond }) => perSecond),
    p50Ms: median(({ p50Ms }) => p50Ms),
    p99Ms: median(({ p99Ms }) => p99Ms),
    cpuMicros: median(({ cpuMicros }) => cpuMicros),
  };
}

/** A standing as a row of `bench.json`. */
export const standingRow = (entry: string, { what }: Load, standing: Standing): Row => ({
  id: `${entry}/${standing.load}/${standing.contender}`,
  what,
  unit: 'ms',
  p50: standing.p50Ms,
  p99: standing.p99Ms,
  value: standing.p50Ms,
  standing,
});
