import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry, silentLogger, systemClock } from '@hyperpage/runtime';
import { createRedisLink, type RedisLink } from '../../sidecar/src/redis/index.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisSentinels, startSentinels } from '../support/redis-sentinels.ts';

type Dns = (host: string) => Promise<string>;
const answers: Dns = async () => '127.0.0.1';
const fails: Dns = async (host) => {
  throw new Error(`getaddrinfo EAI_AGAIN ${host}`);
};
const hangs: Dns = () => new Promise(() => {});

describe('DNS that dies with the primary', () => {
  let redis: RedisSentinels;
  let folder: string;
  let link: RedisLink | undefined;
  const dns = { lookup: answers };

  beforeEach(async () => {
    dns.lookup = answers;
    redis = await startSentinels();
    folder = await mkdtemp(join(tmpdir(), 'hyperpage-password-'));
    await writeFile(join(folder, 'password'), redis.password);
  });
  afterEach(async () => {
    await link?.close();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (named: number[]) =>
    createRedisLink(
      {
        kind: 'sentinels',
        sentinels: named.map((n) => ({ host: `sentinel-${n}.test`, port: redis.sentinels[n]?.port ?? 0 })),
        masterName: redis.masterName,
        passwordFile: join(folder, 'password'),
      },
      {
        clock: systemClock,
        random: Math.random,
        log: silentLogger,
        registry: createRegistry({ processMetrics: false }),
        waitMs: 1000,
        lookup: (host) => dns.lookup(host),
      },
    );
  const raises = (to: RedisLink, term: number) =>
    to.call({ name: 'term_raise', keys: ['floor'], args: [term] }).then(
      (floor) => Number(floor) === term,
      () => false,
    );

  test.each([
    { what: 'fails', lookup: fails, signal: 'SIGKILL' },
    { what: 'hangs', lookup: hangs, signal: 'SIGSTOP' },
  ] as const)('while it $what, the new primary is found and written to', async ({ lookup, signal }) => {
    const opened = (link = open([0, 1, 2]));
    await eventually('it is connected', () => raises(opened, 1));
    dns.lookup = lookup;
    const before = await redis.primary();
    await before.kill(signal);
    await eventually('the new primary takes writes', () => raises(opened, 2), { withinMs: 40_000 });
    const after = await redis.primary();
    expect(after.port).not.toBe(before.port);
    expect(Number(await after.client.get('floor'))).toBe(2);
    // Connections made anew find it too, also where nothing was announced to them.
    await after.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await eventually('it is connected again', () => raises(opened, 3), { withinMs: 20_000 });
  });

  test('a sentinel that only other sentinels told of is asked when those that were named are gone', async () => {
    const opened = (link = open([0]));
    // A write is vouched for by a majority of the sentinels: by then it has heard of those that were not named.
    const call = { name: 'term_raise', keys: ['floor'], args: [1] } as const;
    await eventually('it is connected to all of them', async () => {
      const group = await opened.group([call], { replicas: 1, timeoutMs: 1000 }).catch(() => undefined);
      return (group?.acks ?? 0) > 0;
    });
    dns.lookup = fails;
    const primary = await redis.primary();
    await redis.sentinels[0]?.kill('SIGKILL');
    await primary.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await eventually('it is connected again', () => raises(opened, 2), { withinMs: 20_000 });
  });
});
