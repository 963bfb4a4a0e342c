import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './entry.ts';

/** A running program that the bench started, and will stop by its process id. */
export interface Program {
  pid: number;
  /** Lines it writes to standard output, as they come, from now on. Gives the way to stop listening. */
  onLine(listener: (line: string) => void): () => void;
  /** Resolves with the first line, from now on, that matches. @throws Error when it ends or the time passes first. */
  line(pattern: RegExp, timeoutMs: number): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  /** Asks it to end and, after 5 s, ends it. */
  stop(): Promise<void>;
  ended: Promise<void>;
  hasEnded(): boolean;
  /** Its last lines on both outputs, for messages. */
  said(): string;
}

const GRACE_MS = 5_000;
const KEPT_LINES = 40;
/** The kernel ends it when this process is killed and can stop nothing any more. */
const ENDS_WITH_US = ['--pdeathsig', 'KILL', '--'];

/** Starts a program; it is stopped when the entry ends, whatever happens. `input` is written to its standard input. */
export function startProgram(
  bench: Bench,
  command: readonly [string, ...string[]],
  options: { env?: Record<string, string>; cwd?: string; input?: string } = {},
): Program {
  const child = spawn('setpriv', [...ENDS_WITH_US, ...command], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const listeners = new Set<(line: string) => void>();
  const lastLines: string[] = [];
  const keep = (line: string) => {
    lastLines.push(line.slice(0, 500));
    if (lastLines.length > KEPT_LINES) lastLines.shift();
  };
  createInterface(child.stdout).on('line', (line) => {
    keep(line);
    for (const listener of listeners) listener(line);
  });
  createInterface(child.stderr).on('line', keep);
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      keep(String(error));
      resolve();
    });
    child.once('close', () => resolve());
  });
  child.stdin.on('error', () => {});
  child.stdin.end(options.input);
  const program: Program = {
    pid: child.pid ?? -1,
    onLine: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    line: (pattern, timeoutMs) => firstLine(program, pattern, timeoutMs),
    signal: (signal) => void child.kill(signal),
    stop: async () => {
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await ended;
      clearTimeout(kill);
    },
    ended,
    hasEnded: () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null,
    said: () => `it said\n${lastLines.join('\n')}`,
  };
  bench.defer(() => program.stop());
  return program;
}

async function firstLine(program: Program, pattern: RegExp, timeoutMs: number): Promise<string> {
  const found = Promise.withResolvers<string>();
  const fail = (why: string) => found.reject(new Error(`${why} before ${pattern}; ${program.said()}`));
  const stopListening = program.onLine((line) => {
    if (pattern.test(line)) found.resolve(line);
  });
  const timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs);
  void program.ended.then(() => fail('it ended'));
  try {
    return await found.promise;
  } finally {
    clearTimeout(timer);
    stopListening();
  }
}

/** Asks again and again until `ask` gives something. @throws Error with `what` when the time passes first. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  { timeoutMs, everyMs = 50 }: { timeoutMs: number; everyMs?: number },
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await sleep(everyMs);
  }
}

/** Whether the machine has a program of this name. */
export async function isOnPath(name: string): Promise<boolean> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = await Promise.allSettled(folders.map((folder) => access(join(folder, name), constants.X_OK)));
  return found.some(({ status }) => status === 'fulfilled');
}
