import { randomBytes } from 'node:crypto';
import type { Progress } from '../cluster/progress.ts';
import { inWords } from '../cluster/progress.ts';
import { Breaker } from './breaker.ts';
import type { KindName } from './catalogue.ts';
import { Fleet } from './fleet.ts';
import { countOf, joined } from './history.ts';
import type { Place } from './place.ts';
import { describeSteps, planRounds, type Round } from './plan.ts';
import { describeLost, type Report, type RoundResult } from './report.ts';
import { runRound, untilRedundant, type World } from './rounds.ts';
import { SessionClients } from './sessions/clients.ts';
import { agentPods } from './site.ts';

export interface ChaosOptions {
  place: Place;
  seed: number;
  rounds: number;
  kinds: readonly KindName[];
  replicas?: number;
  progress: Progress;
  /** Ends it early: what is broken is mended, and the report is of the rounds so far. */
  signal: AbortSignal;
}

const BEGIN_LIMIT_MS = 240_000;
const ROUND_LIMIT_MS = 240_000;

/** Runs the rounds and gives the report. @throws Error when the cluster is not whole to begin with. */
export async function runChaos(options: ChaosOptions): Promise<Report> {
  const { place, progress, signal } = options;
  const fleet = new Fleet({
    kubectl: place.site.kubectl,
    namespace: place.site.namespace,
    pods: () => agentPods(place.site),
    run: randomBytes(4).toString('hex'),
    ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
  });
  const breaker = new Breaker(place);
  const sessions = new SessionClients({ site: place.site });
  const world: World = {
    site: place.site,
    fleet,
    sessions,
    breaker,
    progress,
    signal,
    limitMs: ROUND_LIMIT_MS,
  };
  const results: RoundResult[] = [];
  fleet.start();
  sessions.start();
  try {
    await progress.step('the cluster is whole, and writers write', () =>
      untilRedundant(world, 0, BEGIN_LIMIT_MS),
    );
    await runRounds(planRounds(options), world, results);
  } finally {
    await breaker.mend();
    await restore(world, results).catch((error: Error) => progress.say(`  ${error.message}`));
    await sessions.stop();
    await fleet.stop({ clear: fleet.history.lost().length === 0 });
  }
  return {
    seed: options.seed,
    planned: options.rounds,
    kinds: options.kinds,
    rounds: results,
    acknowledged: fleet.history.acknowledged,
    lost: fleet.history.lost(),
    twoWritable: fleet.twoWritable(),
    failures: Object.fromEntries(fleet.failures),
    sessions: { counts: sessions.ledger.counts, merged: sessions.ledger.merged() },
  };
}

async function runRounds(plan: readonly Round[], world: World, results: RoundResult[]): Promise<void> {
  const { progress, signal } = world;
  for (const round of plan) {
    if (signal.aborted) return;
    progress.say(
      `  ${progress.elapsed().padStart(12)}  ${round.number}/${plan.length} ${round.kind}: ${describeSteps(round.steps)}`,
    );
    const result = await runRound(round, world);
    results.push(result);
    progress.say(`${''.padStart(16)}${describeResult(result)}`);
    for (const lost of joined(result.lost))
      progress.say(`${''.padStart(16)}LOST ${describeLost(lost, results)}`);
    // On a cluster that does not come back nothing can be learnt from another fault.
    if (result.problem !== undefined) return;
  }
}

function describeResult({ silentMs, redundantMs, problem, lost, sessions }: RoundResult): string {
  if (problem !== undefined) return `FAILED: ${problem}`;
  const count = countOf(lost) + sessions.lost.length;
  const back = sessions.resurrected.length === 0 ? '' : `, ${sessions.resurrected.length} sessions came back`;
  return `no acknowledged write for ${inWords(silentMs)}, whole again after ${inWords(redundantMs ?? 0)}, ${count} lost${back}`;
}

/** Leaves the spec as it was found, and the cluster whole. */
async function restore(world: World, results: readonly RoundResult[]): Promise<void> {
  const { breaker, progress, signal } = world;
  if (!breaker.changedSpec) return;
  await breaker.restoreSpec();
  if (signal.aborted || results.some(({ problem }) => problem !== undefined)) return;
  await progress.step('the spec is as it was, and the cluster whole', () =>
    untilRedundant(world, Date.now(), ROUND_LIMIT_MS),
  );
}
