import { eventually } from './eventually.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** A primary, replicas and three sentinels, as the operator builds them, on this machine. */
export interface RedisSentinels {
  readonly servers: RedisServer[];
  readonly sentinels: RedisServer[];
  readonly masterName: string;
  readonly password: string;
  /** As `HYPERPAGE_REDIS_SENTINELS` wants it. */
  readonly endpoints: string;
  /** The server that the sentinels call primary. */
  primary(): Promise<RedisServer>;
  stop(): Promise<void>;
}

const DOWN_AFTER_MS = 1500;

export async function startSentinels({ minReplicas = 1 } = {}): Promise<RedisSentinels> {
  const masterName = 'hyperpage-test';
  const password = 'a-password';
  const config = [
    `min-replicas-to-write ${minReplicas}`,
    'min-replicas-max-lag 10',
    'repl-diskless-sync-delay 0',
  ];
  const servers = await Promise.all([1, 2, 3].map(() => startRedis({ password, config })));
  const [first, ...others] = servers as [RedisServer, ...RedisServer[]];
  for (const replica of others) await replica.client.replicaof('127.0.0.1', first.port);
  await eventually('both replicas follow', async () =>
    /connected_slaves:2/.test(await first.client.info('replication')),
  );
  const sentinels = await Promise.all(
    [1, 2, 3].map(() =>
      startRedis({ sentinel: true, password, config: [`sentinel sentinel-pass ${password}`] }),
    ),
  );
  for (const { client } of sentinels) {
    await client.call('SENTINEL', 'MONITOR', masterName, '127.0.0.1', first.port, 2);
    await client.call('SENTINEL', 'SET', masterName, 'auth-pass', password);
    await client.call('SENTINEL', 'SET', masterName, 'down-after-milliseconds', DOWN_AFTER_MS);
    await client.call('SENTINEL', 'SET', masterName, 'failover-timeout', 5000);
  }
  await eventually('the sentinels know each other and both replicas', async () => {
    const views = await Promise.all(
      sentinels.map(({ client }) => client.call('SENTINEL', 'MASTER', masterName)),
    );
    return views.every((view) => {
      const flat = view as string[];
      const of = (name: string) => flat[flat.indexOf(name) + 1];
      return of('num-slaves') === '2' && of('num-other-sentinels') === '2';
    });
  });
  return {
    servers,
    sentinels,
    masterName,
    password,
    endpoints: sentinels.map(({ port }) => `127.0.0.1:${port}`).join(','),
    async primary() {
      for (const { client } of sentinels) {
        const address = (await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)) as
          | string[]
          | null;
        const server = servers.find(({ port }) => String(port) === address?.[1]);
        if (server) return server;
      }
      throw new Error('no sentinel names a primary');
    },
    async stop() {
      await Promise.all([...sentinels, ...servers].map((server) => server.stop()));
    },
  };
}
