import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from './program.ts';

/** A process that takes part in an election. */
export interface Candidate extends Pick<Program, 'signal' | 'ended'> {
  /** Resolves when it leads, at once when it does already. Never rejects: a candidate that ended never leads. */
  leads(signal: AbortSignal): Promise<void>;
}

export interface TrialOptions {
  trials: number;
  candidates: number;
  start(trial: number): Promise<Candidate>;
  /** How the leader is ended. */
  end: 'SIGKILL' | 'SIGTERM';
  /** The leader lives for a random time between these before it is ended, so that trials meet every moment between two
   *  renewals; in milliseconds. */
  livesAtLeastMs: number;
  livesUpToMs: number;
  random: () => number;
  say(line: string): void;
}

/** Ends the leader again and again; gives the time from each end to another candidate's leading, in milliseconds. */
export async function takeovers(options: TrialOptions): Promise<number[]> {
  const { trials, end } = options;
  const candidates = await Promise.all(
    Array.from({ length: options.candidates }, (_, index) => options.start(index)),
  );
  const times: number[] = [];
  let leader = await firstToLead(candidates);
  for (let trial = 0; trial < trials; trial += 1) {
    const { livesAtLeastMs, livesUpToMs } = options;
    await sleep(livesAtLeastMs + options.random() * (livesUpToMs - livesAtLeastMs));
    const survivors = candidates.filter((candidate) => candidate !== leader);
    const endedAt = performance.now();
    leader.signal(end);
    const next = await firstToLead(survivors);
    times.push(performance.now() - endedAt);
    options.say(`${end}: the next leader after ${(times.at(-1) ?? 0).toFixed(0)} ms`);
    await leader.ended;
    if (trial < trials - 1) survivors.push(await options.start(options.candidates + trial));
    candidates.splice(0, candidates.length, ...survivors);
    leader = next;
  }
  return times;
}

async function firstToLead(candidates: readonly Candidate[]): Promise<Candidate> {
  const found = new AbortController();
  try {
    return await Promise.race(
      candidates.map(async (candidate) => {
        await candidate.leads(found.signal);
        return candidate;
      }),
    );
  } finally {
    found.abort();
  }
}
