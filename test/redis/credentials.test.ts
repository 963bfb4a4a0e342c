import { createLogger, systemClock } from '@hyperpage/runtime';
import { redisAdapters } from '../../sidecar/src/adapters.ts';
import { contextOf, podsOf } from '../support/adapter-world.ts';
import { complete, workOn } from '../support/app-at-work.ts';
import { record } from '../support/bus-suite.ts';
import { eventually } from '../support/eventually.ts';
import { type MountedSecret, mountSecret } from '../support/mounted-secret.ts';
import { type RedisSentinels, startSentinels } from '../support/redis-sentinels.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { fresh, freshId } from '../support/session-store-suite.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const ROLES = ['hyperpage-commands', 'hyperpage-subscriber', 'hyperpage-writes'];

/** Connections of sidecars to `server`: names, and ids that tell one connection from the next. */
async function allConnectionsTo(server: RedisServer) {
  const list = String(await server.client.client('LIST'));
  return [...list.matchAll(/^id=(\d+) .*? name=(hyperpage-\S+)/gm)]
    .map(([, id = '', name = '']) => ({ id, name }))
    .sort((a, b) => a.name.localeCompare(b.name));
}
/** Without the one that hears of changes: it speaks RESP2, where a subscriber cannot authenticate anew, and is made anew. */
const connectionsTo = async (server: RedisServer) =>
  (await allConnectionsTo(server)).filter(({ name }) => !name.startsWith('hyperpage-changes'));
const namesAt = async (server: RedisServer) => [
  ...new Set((await allConnectionsTo(server)).map(({ name }) => name)),
];
const told = (names: string[], generation: number) =>
  names.length > 0 && names.every((name) => name.endsWith(`@${generation}`));

/** How often `server` refused a password. */
async function refusedAt(server: RedisServer): Promise<number> {
  const log = (await server.client.call('ACL', 'LOG')) as Array<Array<string | number>>;
  return log.reduce((sum, entry) => sum + Number(entry[entry.indexOf('count') + 1]), 0);
}

describe('a password that is rotated', () => {
  let redis: RedisSentinels;
  let secret: MountedSecret;
  let pods: ReturnType<typeof podsOf>;

  beforeEach(async () => {
    redis = await startSentinels();
    secret = await mountSecret({ password: redis.password, generation: '1' });
    pods = podsOf(redisAdapters, systemClock, {
      HYPERPAGE_REDIS_SENTINELS: redis.endpoints,
      HYPERPAGE_REDIS_MASTER_NAME: redis.masterName,
      HYPERPAGE_REDIS_PASSWORD_FILE: secret.path('password'),
      HYPERPAGE_SESSION_REPLICAS: '1',
      SESSION_FALLBACK_TO_MEMORY: 'true',
    });
  });
  afterEach(async () => {
    await pods.closeAll();
    await redis.stop();
    await secret.remove();
  });

  test('open connections take the new one in place: nothing fails, waits in memory or is missed, and new ones are let in once the old one is gone', async () => {
    const [a, b] = [await pods.open('pod-a'), await pods.open('pod-b')];
    const at = [record(a.bus), record(b.bus)];
    const sessionId = freshId();
    await a.sessions.create(sessionId, fresh());
    const primary = await redis.primary();
    const before = await connectionsTo(primary);
    expect(before.map(({ name }) => name)).toEqual(ROLES.flatMap((role) => [`${role}@1`, `${role}@1`]));
    const app = workOn(a, b, sessionId);
    await app.progress();

    await redis.accept(redis.password, 'another-password');
    await app.progress();
    await secret.change({ password: 'another-password', generation: '2' });
    await eventually('the primary sees it', async () => told(await namesAt(primary), 2));
    for (const sentinel of redis.sentinels) {
      await eventually('a sentinel sees it', async () => {
        const names = await namesAt(sentinel);
        return names.includes('hyperpage-failovers@2') && told(names, 2);
      });
    }
    await redis.use('another-password');
    await app.progress();
    await redis.accept('another-password');
    await app.progress();
    await app.stop();

    expect(app.wrong).toEqual([]);
    for (const one of at) await complete(one, app.sent);
    const after = await connectionsTo(primary);
    expect(after.map(({ id }) => id).sort()).toEqual(before.map(({ id }) => id).sort());

    for (const server of [primary, ...redis.sentinels]) {
      await server.client.call('CLIENT', 'KILL', 'USER', 'default', 'SKIPME', 'yes');
    }
    await eventually('they are connected again', async () => {
      const now = await connectionsTo(primary);
      return now.length === 6 && now.every(({ id }) => !after.some((one) => one.id === id));
    });
    await eventually(
      'sessions are written to Redis',
      async () => (await b.sessions.update(sessionId, { userId: 'x' })).kind === 'ok',
    );
    expect(told(await namesAt(primary), 2)).toBe(true);
    for (const sentinel of redis.sentinels) {
      await eventually('it is watched again', async () => told(await namesAt(sentinel), 2));
    }
  });

  test('a primary that is elected after the rotation is found and written to', async () => {
    const a = await pods.open('pod-a', { SESSION_FALLBACK_TO_MEMORY: 'false' });
    const primary = await redis.primary();
    await redis.accept(redis.password, 'another-password');
    await secret.change({ password: 'another-password', generation: '2' });
    await eventually('the primary sees it', async () => told(await namesAt(primary), 2));
    await redis.use('another-password');
    await redis.accept('another-password');
    await primary.kill('SIGKILL');
    await eventually(
      'sessions are written to the new one',
      async () => (await a.sessions.create(freshId(), fresh())).kind === 'ok',
      { withinMs: 40_000 },
    );
    const elected = await redis.primary();
    expect(elected.port).not.toBe(primary.port);
    expect(told(await namesAt(elected), 2)).toBe(true);
  });
});

describe('a new password before Redis accepts it', () => {
  let server: RedisServer;
  let secret: MountedSecret;
  beforeEach(async () => {
    server = await startRedis({ password: 'first-secret' });
    secret = await mountSecret({ password: 'first-secret', generation: '8' });
  });
  afterEach(async () => {
    await server.stop();
    await secret.remove();
  });

  const open = (lines: string[] = []) => {
    const log = createLogger({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    return redisAdapters({
      ...contextOf('pod-a', {
        REDIS_URL: server.url,
        HYPERPAGE_REDIS_PASSWORD_FILE: secret.path('password'),
      }),
      log,
    });
  };

  test('the connections stay as they are, it is said once, and the password is tried until it is accepted', async () => {
    const lines: string[] = [];
    const adapters = open(lines);
    const refusals = () => lines.filter((line) => line.includes('does not accept'));
    try {
      await eventually('it is connected', () => adapters.everConnected());
      const before = await connectionsTo(server);
      await secret.change({ password: 'second-secret', generation: '9' });
      await eventually('it is said', () => refusals().length > 0);
      await eventually(
        'each tried it, and again',
        async () => (await refusedAt(server)) >= 2 * before.length,
      );
      expect(await adapters.sessions.create(freshId(), fresh())).toMatchObject({ kind: 'ok' });
      expect(await connectionsTo(server)).toEqual(before);
      expect(refusals()).toHaveLength(1);
      expect(JSON.parse(refusals()[0] ?? '')).toMatchObject({ level: 'warn', generation: 9 });

      await server.client.call('ACL', 'SETUSER', 'default', '>second-secret');
      await eventually('it is accepted', async () => told(await namesAt(server), 9));
      const ids = (of: typeof before) => of.map(({ id }) => id).sort();
      expect(ids(await connectionsTo(server))).toEqual(ids(before));
      expect(lines.join('')).not.toMatch(/-secret/);
    } finally {
      await adapters.close();
    }
  });

  test('a connection that is made meanwhile is refused, and let in without a restart when Redis accepts it', async () => {
    const adapters = open();
    try {
      await eventually('it is connected', () => adapters.everConnected());
      await secret.change({ password: 'second-secret', generation: '9' });
      await server.client.call('CLIENT', 'KILL', 'USER', 'default', 'SKIPME', 'yes');
      await eventually(
        'sessions are unavailable',
        async () => (await adapters.sessions.read(freshId())).kind === 'unavailable',
      );
      await server.client.call('ACL', 'SETUSER', 'default', '>second-secret');
      await eventually(
        'sessions are back',
        async () => (await adapters.sessions.create(freshId(), fresh())).kind === 'ok',
      );
      await eventually('all are named so', async () => told(await namesAt(server), 9));
    } finally {
      await adapters.close();
    }
  });
});

describe('a Redis that speaks only RESP2', () => {
  test('the subscriber is made anew with the new password, once that is accepted, and nothing is missed', async () => {
    const server = await startRedis({ password: 'first-secret', config: ['rename-command HELLO ""'] });
    const secret = await mountSecret({ password: 'first-secret', generation: '1' });
    const pods = podsOf(redisAdapters, systemClock, {
      REDIS_URL: server.url,
      HYPERPAGE_REDIS_PASSWORD_FILE: secret.path('password'),
      SESSION_FALLBACK_TO_MEMORY: 'true',
    });
    try {
      const [a, b] = [await pods.open('pod-a'), await pods.open('pod-b')];
      const at = [record(a.bus), record(b.bus)];
      const sessionId = freshId();
      await a.sessions.create(sessionId, fresh());
      const app = workOn(a, b, sessionId);
      await secret.change({ password: 'second-secret', generation: '2' });
      await pause(2500);
      expect((await connectionsTo(server)).map(({ name }) => name)).toEqual([
        'hyperpage-commands@1',
        'hyperpage-commands@1',
        'hyperpage-subscriber@1',
        'hyperpage-subscriber@1',
      ]);
      await server.client.call('ACL', 'SETUSER', 'default', '>second-secret');
      await eventually('the server sees it', async () => {
        const connections = await connectionsTo(server);
        return connections.length === 4 && connections.every(({ name }) => name.endsWith('@2'));
      });
      await app.progress();
      await app.stop();
      expect(app.wrong).toEqual([]);
      for (const one of at) await complete(one, app.sent);
    } finally {
      await pods.closeAll();
      await server.stop();
      await secret.remove();
    }
  });
});
