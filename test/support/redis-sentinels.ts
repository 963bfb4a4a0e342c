import { createHash } from 'node:crypto';
import type { Certificate } from './certificates.ts';
import { eventually } from './eventually.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** A primary, replicas and sentinels, as the operator builds them, on this machine. */
export interface RedisSentinels {
  readonly servers: RedisServer[];
  readonly sentinels: RedisServer[];
  readonly masterName: string;
  readonly password: string;
  /** As `HYPERPAGE_REDIS_SENTINELS` wants it. */
  readonly endpoints: string;
  /** The server that the sentinels call primary. */
  primary(): Promise<RedisServer>;
  /** Servers and sentinels accept these passwords from now on, and no other. */
  accept(...passwords: string[]): Promise<void>;
  /** Servers and sentinels use `password` towards each other. */
  use(password: string): Promise<void>;
  /** One more sentinel, which knows only the primary yet. */
  join(): Promise<RedisServer>;
  stop(): Promise<void>;
}

const DOWN_AFTER_MS = 1500;
const MASTER_NAME = 'hyperpage-test';
const PASSWORD = 'a-password';

export interface RedisSentinelsOptions {
  minReplicas?: number;
  /** How many sentinels. */
  voters?: number;
  tls?: Certificate;
}

export async function startSentinels({
  minReplicas = 1,
  voters = 3,
  tls,
}: RedisSentinelsOptions = {}): Promise<RedisSentinels> {
  const encrypted = tls ? { tls } : {};
  const servers = await startServers(minReplicas, encrypted);
  const [first] = servers as [RedisServer];
  const quorum = Math.floor(voters / 2) + 1;
  const startOne = (port: number) => startSentinel({ port, quorum }, encrypted);
  const sentinels = await Promise.all(Array.from({ length: voters }, () => startOne(first.port)));
  await eventually('the sentinels know each other and both replicas', async () => {
    const views = await Promise.all(
      sentinels.map(({ client }) => client.call('SENTINEL', 'MASTER', MASTER_NAME)),
    );
    return views.every((view) => {
      const flat = view as string[];
      const of = (name: string) => flat[flat.indexOf(name) + 1];
      return of('num-slaves') === '2' && of('num-other-sentinels') === String(voters - 1);
    });
  });
  const primary = async () => {
    for (const { client } of sentinels) {
      // One that is killed is asked in vain.
      const address = (await client
        .call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)
        .catch(() => null)) as string[] | null;
      const server = servers.find(({ port }) => String(port) === address?.[1]);
      if (server) return server;
    }
    throw new Error('no sentinel names a primary');
  };
  return {
    servers,
    sentinels,
    masterName: MASTER_NAME,
    password: PASSWORD,
    endpoints: sentinels.map(({ port }) => `127.0.0.1:${port}`).join(','),
    primary,
    accept: (...passwords) => accept([...servers, ...sentinels], passwords),
    use: (password) => use(servers, sentinels, password),
    async join() {
      const sentinel = await startOne((await primary()).port);
      sentinels.push(sentinel);
      return sentinel;
    },
    async stop() {
      await Promise.all([...sentinels, ...servers].map((server) => server.stop()));
    },
  };
}

async function startServers(minReplicas: number, encrypted: { tls?: Certificate }): Promise<RedisServer[]> {
  const config = [
    `min-replicas-to-write ${minReplicas}`,
    'min-replicas-max-lag 10',
    'repl-diskless-sync-delay 0',
  ];
  const servers = await Promise.all(
    [1, 2, 3].map(() => startRedis({ password: PASSWORD, config, ...encrypted })),
  );
  const [first, ...others] = servers as [RedisServer, ...RedisServer[]];
  for (const replica of others) await replica.client.replicaof('127.0.0.1', first.port);
  await eventually('both replicas follow', async () =>
    /connected_slaves:2/.test(await first.client.info('replication')),
  );
  return servers;
}

async function startSentinel(
  primary: { port: number; quorum: number },
  encrypted: { tls?: Certificate },
): Promise<RedisServer> {
  const config = [`sentinel sentinel-pass ${PASSWORD}`];
  const sentinel = await startRedis({ sentinel: true, password: PASSWORD, config, ...encrypted });
  const { client } = sentinel;
  await client.call('SENTINEL', 'MONITOR', MASTER_NAME, '127.0.0.1', primary.port, primary.quorum);
  await client.call('SENTINEL', 'SET', MASTER_NAME, 'auth-pass', PASSWORD);
  await client.call('SENTINEL', 'SET', MASTER_NAME, 'down-after-milliseconds', DOWN_AFTER_MS);
  await client.call('SENTINEL', 'SET', MASTER_NAME, 'failover-timeout', 5000);
  return sentinel;
}

async function accept(servers: RedisServer[], passwords: string[]): Promise<void> {
  const rules = passwords.map((one) => `#${createHash('sha256').update(one).digest('hex')}`);
  for (const { client } of servers) {
    await client.call('ACL', 'SETUSER', 'default', 'resetpass', ...rules);
    // Our own client behind the scenes may have to come back as well.
    client.options.password = passwords.at(-1);
  }
}

async function use(servers: RedisServer[], sentinels: RedisServer[], password: string): Promise<void> {
  for (const { client } of servers) await client.config('SET', 'masterauth', password);
  for (const { client } of sentinels) {
    await client.call('SENTINEL', 'SET', MASTER_NAME, 'auth-pass', password);
    await client.call('SENTINEL', 'CONFIG', 'SET', 'sentinel-pass', password);
  }
}
