import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from './program.ts';

/** A process that takes part in an election. */
export interface Candidate extends Pick<Program, 'signal' | 'ended'> {
  /** Resolves when it leads, at once when it does already. Never rejects: a candidate that ended never leads. */
  leads(signal: AbortSignal): Promise<void>;
}

/** What was done to a leader. */
export interface Strike {
  /** When, by `performance.now()`. */
  atMs: number;
  /** Undoes it and ends the process, once another one leads. */
  finish(): Promise<void>;
}

export interface TrialOptions<C extends Candidate> {
  /** What is done to the leader, in a word. */
  fault: string;
  trials: number;
  candidates: number;
  start(trial: number): Promise<C>;
  strike(leader: C): Promise<Strike>;
  /** Resolves when all that the fault before has cost is there again. */
  settled(candidates: readonly C[]): Promise<void>;
  /** The leader lives for a random time up to this before it is struck, so that trials meet every moment between two
   *  renewals; in milliseconds. */
  livesUpToMs: number;
  random: () => number;
  say(line: string): void;
}

/** Strikes the leader again and again, and ends them all; gives the time from each strike to another candidate's leading, in
 *  milliseconds. */
export async function takeovers<C extends Candidate>(options: TrialOptions<C>): Promise<number[]> {
  const { trials, fault } = options;
  const candidates: C[] = await Promise.all(
    Array.from({ length: options.candidates }, (_, index) => options.start(index)),
  );
  const times: number[] = [];
  let leader: C = await firstToLead<C>(candidates);
  for (let trial = 0; trial < trials; trial += 1) {
    await options.settled(candidates);
    await sleep(options.random() * options.livesUpToMs);
    const survivors = candidates.filter((candidate) => candidate !== leader);
    const { atMs, finish } = await options.strike(leader);
    const next: C = await firstToLead<C>(survivors);
    times.push(performance.now() - atMs);
    options.say(
      `${fault} ${trial + 1} of ${trials}: the next leader after ${(times.at(-1) ?? 0).toFixed(0)} ms`,
    );
    await finish();
    if (trial < trials - 1) survivors.push(await options.start(options.candidates + trial));
    candidates.splice(0, candidates.length, ...survivors);
    leader = next;
  }
  for (const candidate of candidates) candidate.signal('SIGKILL');
  await Promise.all(candidates.map((candidate) => candidate.ended));
  return times;
}

async function firstToLead<C extends Candidate>(candidates: readonly C[]): Promise<C> {
  const found = new AbortController();
  try {
    const leading = candidates.map(async (candidate, index) => {
      await candidate.leads(found.signal);
      return index;
    });
    return candidates[await Promise.race(leading)] as C;
  } finally {
    found.abort();
  }
}

/** Signals that end a process: a crash, or an orderly stop. */
export async function ended(candidate: Candidate, signal: 'SIGKILL' | 'SIGTERM'): Promise<Strike> {
  const atMs = performance.now();
  candidate.signal(signal);
  return { atMs, finish: () => candidate.ended };
}

/** For so long a process that stood still goes on before it is ended: what it then believes is heard. */
const RESUMED_MS = 300;

export async function stopped(candidate: Candidate): Promise<Strike> {
  const atMs = performance.now();
  candidate.signal('SIGSTOP');
  return {
    atMs,
    finish: async () => {
      candidate.signal('SIGCONT');
      await sleep(RESUMED_MS);
      candidate.signal('SIGKILL');
      await candidate.ended;
    },
  };
}
