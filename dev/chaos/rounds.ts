import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '../cluster/progress.ts';
import { type Breaker, type Cast, cast } from './breaker.ts';
import type { Fleet } from './fleet.ts';
import { lengthMs, longestGap } from './intervals.ts';
import type { Round } from './plan.ts';
import { conditionLines, missingRedundancy } from './redundancy.ts';
import type { RoundResult } from './report.ts';
import type { SessionClients } from './sessions/clients.ts';
import { look, type Site } from './site.ts';

/** What a round acts through. */
export interface World {
  site: Site;
  fleet: Fleet;
  /** Absent: nobody uses the app's sessions meanwhile. */
  sessions?: SessionClients;
  breaker: Breaker;
  progress: Progress;
  /** Ends waiting when somebody wants to stop. */
  signal: AbortSignal;
  /** How long full redundancy may take, from the last step. */
  limitMs: number;
}

const LOOK_EVERY_MS = 500;
/** Observers tell what they see each second at least, and may be a moment late. */
const FRESH_MS = 2_500;
/** What looks whole just after a fault may be what nobody has noticed yet: it has to stay so for this long. */
const HOLD_MS = 4_000;

/** Waits until the cluster could take a fault: every part is there, and writes are acknowledged. Gives the time since
 *  when that was so. What was seen before `sinceMs`, the moment of the last step, does not count.
 *  @throws Error saying what is missing after `limitMs`. */
export async function untilRedundant(world: World, sinceMs: number, limitMs: number): Promise<number> {
  const giveUpMs = performance.now() + limitMs;
  let wholeSinceMs: number | undefined;
  for (;;) {
    const lookedMs = Date.now();
    const missing = await missingNow(world, sinceMs).catch(firstLine);
    if (missing !== undefined) wholeSinceMs = undefined;
    else wholeSinceMs ??= lookedMs;
    if (wholeSinceMs !== undefined && Date.now() - wholeSinceMs >= HOLD_MS) return wholeSinceMs;
    if (performance.now() > giveUpMs) throw new Error(missing ?? 'it does not stay whole');
    await sleep(LOOK_EVERY_MS, undefined, { signal: world.signal });
  }
}

const firstLine = (error: Error): string => error.message.split('\n', 1)[0] ?? '';

async function missingNow({ site, fleet }: World, notBeforeMs: number): Promise<string | undefined> {
  const sinceMs = Math.max(notBeforeMs, Date.now() - FRESH_MS);
  if (fleet.history.lastMs < sinceMs) return 'no write is acknowledged';
  const primaries = fleet.primariesSince(sinceMs);
  if (primaries.length === 0) return 'no observer sees a primary';
  return missingRedundancy(await look(site), primaries);
}

/** Does what the round says, waits until the cluster is whole again, and measures. It does not throw: what went wrong
 *  is the result's `problem`. */
export async function runRound(round: Round, world: World): Promise<RoundResult> {
  const { fleet, breaker, signal } = world;
  await sleep(round.pauseMs, undefined, { signal }).catch(() => {});
  let begunMs = Date.now();
  let problem: string | undefined;
  let redundantMs: number | undefined;
  try {
    const who = await castNow(round, world);
    begunMs = Date.now();
    await takeSteps(round, who, world);
    redundantMs = (await untilRedundant(world, Date.now(), world.limitMs)) - begunMs;
  } catch (error) {
    problem = signal.aborted ? 'stopped' : `not whole again: ${firstLine(error as Error)}`;
    await breaker.mend();
  }
  const endedMs = Date.now();
  const found = await account(world, endedMs).catch((error: Error) => ({ problem: error.message }));
  problem ??= 'problem' in found ? found.problem : undefined;
  if (problem !== undefined && !signal.aborted) await tellConditions(world);
  return {
    number: round.number,
    kind: round.kind,
    begunMs,
    endedMs,
    silentMs: lengthMs(longestGap(fleet.history.stretches(), begunMs, endedMs)),
    ...(redundantMs === undefined ? {} : { redundantMs }),
    ...(problem === undefined ? {} : { problem }),
    lost: 'lost' in found ? found.lost : [],
    sessions: 'lost' in found ? found.sessions : { lost: [], resurrected: [] },
  };
}

async function castNow(round: Round, { site, fleet }: World): Promise<Cast> {
  const primary = fleet.primariesSince(Date.now() - FRESH_MS).find(({ writable }) => writable);
  if (!primary) throw new Error('no observer sees a primary');
  return cast(site, await look(site), primary.address, round.pick);
}

async function takeSteps(round: Round, who: Cast, { breaker, signal }: World): Promise<void> {
  const begunMs = performance.now();
  // Steps of the same moment are done side by side.
  for (const atMs of new Set(round.steps.map((step) => step.atMs))) {
    await sleep(Math.max(0, begunMs + atMs - performance.now()), undefined, { signal });
    await Promise.all(round.steps.filter((step) => step.atMs === atMs).map((step) => breaker.act(step, who)));
  }
}

/** Hears every agent out and reads everything back. */
async function account({ fleet, sessions }: World, endedMs: number) {
  await fleet.caughtUp(endedMs);
  const lost = await fleet.check();
  const kept = await sessions?.account();
  return { lost, sessions: { lost: kept?.lost ?? [], resurrected: kept?.resurrected ?? [] } };
}

async function tellConditions({ site, progress }: World): Promise<void> {
  const lines = await look(site).then(conditionLines, (error: Error) => [error.message]);
  for (const line of lines) progress.say(`      ${line}`);
}
