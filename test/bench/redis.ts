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

/** Starts a real redis-server with the persistence that the operator sets (append-only file, fsync every second) and
 *  its replicas, all empty. Skips the entry when there is no redis-server. */
export async function startRedis(bench: Bench, { replicas = 0 } = {}): Promise<RedisUnderTest> {
  if (!(await isOnPath('redis-server'))) bench.skip('there is no redis-server: run make setup');
  const folder = await mkdtemp(join(tmpdir(), 'hyperpage-bench-redis-'));
  bench.defer(() => rm(folder, { recursive: true, force: true }));
  const ports = await freePorts(1 + replicas);
  const [primaryPort, ...replicaPorts] = ports as [number, ...number[]];
  const pid = await startOne(bench, folder, primaryPort, []);
  for (const port of replicaPorts) {
    await startOne(bench, folder, port, ['--replicaof', '127.0.0.1', `${primaryPort}`]);
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

async function startOne(bench: Bench, folder: string, port: number, extra: string[]): Promise<number> {
  const options = {
    port,
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    dbfilename: `${port}.rdb`,
    appendonly: 'yes',
    appendfsync: 'everysec',
    appenddirname: `aof-${port}`,
    'repl-diskless-sync-delay': 0,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const server = startProgram(bench, ['redis-server', ...args, ...extra]);
  await server.line(/Ready to accept connections/, 10_000);
  return server.pid;
}
