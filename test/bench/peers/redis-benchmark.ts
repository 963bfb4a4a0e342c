import type { Contender, Load } from '../contest.ts';
import type { Bench } from '../entry.ts';
import { cpuMicros } from '../proc.ts';
import { isOnPath, startProgram } from '../program.ts';
import type { RedisUnderTest } from '../redis.ts';
import type { Round } from '../standing.ts';

/** Enough for a second or two: redis-benchmark counts requests, not time. */
const REQUESTS = 100_000;

/** What Redis itself can do with plain strings, by its own tool: the limit. The process under test is Redis.
 *  undefined, after a word, where the machine has no redis-benchmark. */
export async function redisBenchmark(
  bench: Bench,
  { port, pid }: RedisUnderTest,
  { command, keys, bytes }: { command: 'GET' | 'SET'; keys: number; bytes: number },
): Promise<Contender | undefined> {
  if (!(await isOnPath('redis-benchmark'))) {
    bench.say('PEER LEFT OUT: there is no redis-benchmark: run make setup');
    return undefined;
  }
  const options = { h: '127.0.0.1', p: port, n: REQUESTS, t: command.toLowerCase(), d: bytes, r: keys };
  const args = Object.entries(options).flatMap(([name, value]) => [`-${name}`, `${value}`]);
  const run = async ({ connections }: Load): Promise<Round> => {
    const before = await cpuMicros(pid);
    const program = startProgram(bench, ['redis-benchmark', ...args, '--csv', '-c', `${connections}`]);
    const line = await program.line(new RegExp(`^"${command}",`), 60_000);
    const after = await cpuMicros(pid);
    return { ...figuresOf(line), cpuMicros: (after - before) / REQUESTS };
  };
  return { name: `redis-benchmark ${command}`, pid, run };
}

/** Reads a line of `--csv`: test, requests a second, then latencies in milliseconds: mean, min, p50, p95, p99, max.
 *  @throws Error when it does not fit. */
export function figuresOf(line: string): Omit<Round, 'cpuMicros'> {
  const [, perSecond, , , p50Ms, , p99Ms] = line.split(',').map((cell) => Number(cell.replaceAll('"', '')));
  if (!perSecond || !p50Ms || !p99Ms) throw new Error(`redis-benchmark said ${line}`);
  return { perSecond, p50Ms, p99Ms };
}
