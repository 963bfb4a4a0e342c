import type { Call, JobResult } from './job.ts';

export interface DriveOptions {
  connections: number;
  warmupMs: number;
  forMs: number;
  perSecond?: number;
  /** Called once when the warm-up is over. */
  onCounting?: () => void;
}

/** Calls `call` for a while and measures each; `perSecond` says whether at a rate or as fast as answers come. */
export async function drive(options: DriveOptions, call: Call): Promise<JobResult> {
  const countFrom = performance.now() + options.warmupMs;
  const until = countFrom + options.forMs;
  const samples: number[] = [];
  const errors: Record<string, number> = {};
  const counting = setTimeout(() => options.onCounting?.(), options.warmupMs);
  let turn = 0;
  const one = async (connection: number, sinceMs: number) => {
    try {
      await call(connection, turn++);
      if (sinceMs >= countFrom) samples.push(performance.now() - sinceMs);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      errors[text] = (errors[text] ?? 0) + 1;
    }
  };
  await (options.perSecond === undefined
    ? asFastAsAnswersCome(options.connections, until, one)
    : atARate(options.connections, options.perSecond, until, one));
  clearTimeout(counting);
  return { samples, perSecond: samples.length / (options.forMs / 1000), errors };
}

type One = (connection: number, sinceMs: number) => Promise<void>;

const asFastAsAnswersCome = (connections: number, until: number, one: One): Promise<unknown> => {
  const loop = async (connection: number) => {
    while (performance.now() < until) await one(connection, performance.now());
  };
  return Promise.all(Array.from({ length: connections }, (_, connection) => loop(connection)));
};

/** Requests come whether or not answers do: one that finds no free connection waits, and its wait counts. */
async function atARate(connections: number, perSecond: number, until: number, one: One): Promise<void> {
  const free = Array.from({ length: connections }, (_, connection) => connection);
  const waiting: number[] = [];
  const startedAt = performance.now();
  let arrived = 0;
  const underWay = new Set<Promise<void>>();
  const sendOne = async (connection: number, sinceMs: number) => {
    await one(connection, sinceMs);
    const next = waiting.shift();
    if (next === undefined) free.push(connection);
    else send(connection, next);
  };
  const send = (connection: number, sinceMs: number) => {
    const sent = sendOne(connection, sinceMs);
    underWay.add(sent);
    void sent.finally(() => underWay.delete(sent));
  };
  while (performance.now() < until) {
    const now = performance.now();
    for (; arrived < ((now - startedAt) / 1000) * perSecond; arrived += 1) {
      const connection = free.pop();
      if (connection === undefined) waiting.push(now);
      else send(connection, now);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  while (underWay.size > 0) await Promise.all(underWay);
}
