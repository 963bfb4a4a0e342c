import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Bench } from './entry.ts';
import { freePorts } from './ports.ts';
import { isOnPath, startProgram, until } from './program.ts';

export interface RedisUnderTest {
  /** Port of the primary on 127.0.0.1. */
  port: number;
  pid: number;
}

/** What operator/scripts/redis.sh writes into redis.conf, as it comes. */
export const OPERATOR_SETTINGS: Readonly<Record<string, string>> = {
  'maxmemory-policy': 'noeviction',
  'repl-backlog-size': '8mb',
  'hash-max-listpack-value': '512',
  'repl-diskless-sync-delay': '0',
  appendfsync: 'everysec',
  appendonly: 'yes',
  save: '',
};
/** And in mode Sentinel. */
export const SENTINEL_SETTINGS: Readonly<Record<string, string>> = {
  'min-replicas-to-write': '1',
  'min-replicas-max-lag': '10',
};

/** Starts a real redis-server with the settings that the operator gives it, and its replicas, all empty. Skips the
 *  entry when there is no redis-server. */
export async function startRedis(bench: Bench, { replicas = 0 } = {}): Promise<RedisUnderTest> {
  if (!(await isOnPath('redis-server'))) bench.skip('there is no redis-server: run make setup');
  const folder = await mkdtemp(join(tmpdir(), 'hyperpage-bench-redis-'));
  bench.defer(() => rm(folder, { recursive: true, force: true }));
  const ports = await freePorts(1 + replicas);
  const [primaryPort, ...replicaPorts] = ports as [number, ...number[]];
  const settings = { ...OPERATOR_SETTINGS, ...(replicas > 0 && SENTINEL_SETTINGS) };
  const pid = await startOne(bench, folder, primaryPort, settings);
  for (const port of replicaPorts) {
    await startOne(bench, folder, port, { ...settings, replicaof: `127.0.0.1 ${primaryPort}` });
  }
  const redis = new Redis({ port: primaryPort, host: '127.0.0.1' });
  try {
    await until(
      `${replicas} replicas in step`,
      async () => {
        const replication = await redis.info('replication');
        return (replication.match(/state=online/g) ?? []).length === replicas || undefined;
      },
      { timeoutMs: 20_000 },
    );
  } finally {
    redis.disconnect();
  }
  return { port: primaryPort, pid };
}

async function startOne(
  bench: Bench,
  folder: string,
  port: number,
  settings: Record<string, string>,
): Promise<number> {
  const names = { dbfilename: `${port}.rdb`, appenddirname: `aof-${port}` };
  const all = { port: `${port}`, bind: '127.0.0.1', dir: folder, ...names, ...settings };
  // Redis takes the words of a setting one by one, and an empty one as a word too.
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, ...value.split(' ')]);
  const server = startProgram(bench, ['redis-server', ...args]);
  await server.line(/Ready to accept connections/, 10_000);
  return server.pid;
}
