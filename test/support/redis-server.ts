import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Certificate } from './certificates.ts';
import { eventually } from './eventually.ts';

/** A real redis-server (or sentinel) of a test's own: a free port, a temporary folder, stopped by its pid. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly pid: number | undefined;
  /** A client to look behind the scenes with; closed on stop. */
  readonly client: Redis;
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Starts it again on the same port and folder; `empty`: with nothing of what it had. */
  restart(options?: { empty: boolean }): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  /** Lines of its configuration. */
  config?: readonly string[];
  sentinel?: boolean;
  password?: string;
  /** Only encrypted connections, with this certificate. */
  tls?: Certificate;
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });

export async function startRedis({
  config = [],
  sentinel = false,
  password,
  tls,
}: RedisServerOptions = {}): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'hyperpage-redis-'));
  const file = join(folder, 'redis.conf');
  const lines = [
    ...(tls ? tlsLines(port, tls) : [`port ${port}`]),
    'bind 127.0.0.1',
    `dir ${folder}`,
    // everysec may hold a write back for as long as an fsync takes: a killed server would forget what it said it had.
    ...(sentinel ? [] : ['appendonly yes', 'appendfsync always', 'save ""']),
    ...(password ? [`requirepass ${password}`] : []),
    ...(password && !sentinel ? [`masterauth ${password}`] : []),
    ...config,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const client = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: true,
    retryStrategy: () => 50,
    // A killed server leaves nothing to wait for.
    disconnectTimeout: 100,
    ...(password ? { password } : {}),
    ...(tls ? { tls: { ca: tls.ca, servername: tls.dnsName } } : {}),
  });
  client.on('error', () => {});
  let child: ChildProcess | undefined;

  const start = async () => {
    child = spawn('redis-server', [file, ...(sentinel ? ['--sentinel'] : [])], { stdio: 'ignore' });
    await new Promise<void>((resolve, reject) => {
      child?.once('spawn', resolve);
      child?.once('error', (cause) =>
        reject(new Error('redis-server does not start: run make setup, or put it on PATH', { cause })),
      );
    });
    if (client.status === 'wait') client.connect().catch(() => {});
    await eventually('redis-server answers', () =>
      client.ping().then(
        () => true,
        () => false,
      ),
    );
  };
  const end = async (signal: NodeJS.Signals) => {
    const ending = child;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill('SIGCONT');
    ending.kill(signal);
    await exited;
  };

  await start();
  return {
    port,
    url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    client,
    get pid() {
      return child?.pid;
    },
    async kill(signal) {
      if (signal === 'SIGSTOP' || signal === 'SIGCONT') child?.kill(signal);
      else await end(signal);
    },
    async restart({ empty } = { empty: false }) {
      if (empty) await rm(join(folder, 'appendonlydir'), { recursive: true, force: true });
      await start();
    },
    async stop() {
      client.disconnect();
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** As the operator configures it. */
const tlsLines = (port: number, { certFile, keyFile, caFile }: Certificate) => [
  'port 0',
  `tls-port ${port}`,
  `tls-cert-file ${certFile}`,
  `tls-key-file ${keyFile}`,
  `tls-ca-cert-file ${caFile}`,
  'tls-auth-clients no',
  'tls-replication yes',
];
