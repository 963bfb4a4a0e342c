import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sessionKey } from '@hyperpage/contract';
import { createLogger } from '@hyperpage/runtime';
import { redisAdapters } from '../../sidecar/src/adapters.ts';
import { contextOf } from '../support/adapter-world.ts';
import { record } from '../support/bus-suite.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type RedisWorld, startRedisWorld } from '../support/redis-world.ts';
import { fresh, freshId, stored } from '../support/session-store-suite.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a Redis with its own ideas', () => {
  let world: RedisWorld;
  beforeAll(async () => {
    world = await startRedisWorld();
  });
  afterEach(async () => {
    await world.server.client.config('SET', 'min-replicas-to-write', '0');
    await world.closePods();
  });
  afterAll(() => world.stop());

  test('the library of functions is loaded again where it went missing', async () => {
    const a = await world.open('pod-a');
    const at = record(a.bus);
    await world.server.client.function('FLUSH');
    const id = freshId();
    expect(await a.sessions.create(id, fresh())).toMatchObject({ kind: 'ok' });
    await world.server.client.function('FLUSH');
    expect(await a.bus.send({ type: 'broadcast', payload: 1 })).toMatchObject({ kind: 'sent' });
    await eventually('it arrives', () => at.payloads().includes(1));
  });

  test('reading slides the end of life, and the session is in the index until then', async () => {
    const { sessions } = await world.open('pod-a', { SESSION_DEFAULT_TTL_SECONDS: '100' });
    const { client } = world.server;
    const id = freshId();
    await sessions.create(id, fresh());
    await client.pexpire(sessionKey(id), 5000);
    await client.hincrby(sessionKey(id), 'a', -50_000);
    const { session } = await stored(sessions, id);
    expect(await client.pttl(sessionKey(id))).toBeGreaterThan(90_000);
    expect(Number(await client.zscore('hyperpage:sessions', id))).toBeGreaterThan(Date.now() + 90_000);
    expect(Math.abs(Date.parse(session.lastActivity) - Date.now())).toBeLessThan(30_000);
  });

  test('while Redis takes no writes sessions can be read, and writes say that they were refused', async () => {
    const { sessions } = await world.open('pod-a', { SESSION_DEFAULT_TTL_SECONDS: '1000' });
    const id = freshId();
    await sessions.create(id, fresh());
    await world.server.client.config('SET', 'min-replicas-to-write', '1');
    expect(await sessions.read(id)).toMatchObject({ kind: 'ok', consistency: 'redis' });
    expect(await sessions.update(id, { userId: 'x' })).toMatchObject({ kind: 'unavailable' });
    await world.server.client.config('SET', 'min-replicas-to-write', '0');
    expect(await sessions.update(id, { userId: 'x' })).toMatchObject({ kind: 'ok', version: 2 });
  });

  test('a write that no replica confirmed is not acknowledged', async () => {
    const { sessions } = await world.open('pod-a', { HYPERPAGE_SESSION_REPLICAS: '1' });
    expect(await sessions.create(freshId(), fresh())).toEqual({
      kind: 'not-acknowledged',
      wanted: 1,
      got: 0,
    });
    expect(await sessions.update(freshId(), {})).toEqual({ kind: 'not-found' });
  });

  test("the spec's example session takes less than 1 KB", async () => {
    const { sessions } = await world.open('pod-a');
    const id = freshId();
    await sessions.create(id, fresh({ userId: 'user-123' }));
    await sessions.update(id, {
      preferences: { theme: 'dark' },
      uiState: { expandedWidgets: ['github-issues', 'github-prs'], lastVisitedTools: ['github', 'jira'] },
      toolConfigs: {
        github: { enabled: true, settings: { org: 'acme' }, lastUsed: '2025-10-29T12:00:00.000Z' },
      },
    });
    for (let n = 0; n < 6; n++) await sessions.update(id, { preferences: { refreshInterval: n } });
    expect(await world.server.client.memory('USAGE', sessionKey(id))).toBeLessThan(1024);
  });

  test('the floor of terms only grows', async () => {
    const [a, b] = [await world.open('pod-a'), await world.open('pod-b')];
    expect(await a.termFloor.read()).toBe(0);
    expect(await a.termFloor.raise(7)).toBe(7);
    expect(await b.termFloor.raise(3)).toBe(7);
    expect(await b.termFloor.read()).toBe(7);
    await world.cut();
    await eventually('it is unknown', async () => (await a.termFloor.read()) === undefined);
    await world.heal();
    await eventually('it is known again', async () => (await a.termFloor.read()) === 7);
  });
});

describe('a Redis that hangs', () => {
  test.each([{ replicas: '0' }, { replicas: '1' }])(
    'a write goes on in memory before the heartbeat gives the connection up, with $replicas replicas to wait for',
    async ({ replicas }) => {
      const [server, replica] = [await startRedis(), await startRedis()];
      await replica.client.replicaof('127.0.0.1', server.port);
      const settings = { SESSION_FALLBACK_TO_MEMORY: 'true', HYPERPAGE_SESSION_REPLICAS: replicas };
      const adapters = redisAdapters(contextOf('pod-a', { REDIS_URL: server.url, ...settings }));
      try {
        await eventually('it is connected', () => adapters.everConnected());
        await server.kill('SIGSTOP');
        // Something of the sidecar's own is under way already: it delays nobody.
        const beats = [adapters.termFloor.read(), adapters.sessions.activeCount()];
        await pause(300);
        const writing = adapters.sessions.create(freshId(), fresh());
        expect(await Promise.all(beats)).toEqual([undefined, undefined]);
        expect(await writing).toMatchObject({ kind: 'ok', consistency: 'local' });
        expect(adapters.sessions.ready().consistency).toBe('redis');
        await server.kill('SIGCONT');
      } finally {
        await adapters.close();
        await Promise.all([server.stop(), replica.stop()]);
      }
    },
  );
});

describe('sentinels that name no primary yet', () => {
  test('it is said so, and when they do the sidecar connects by itself', async () => {
    const [server, sentinel] = [await startRedis(), await startRedis({ sentinel: true })];
    const lines: string[] = [];
    const log = createLogger({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const settings = {
      HYPERPAGE_REDIS_SENTINELS: `127.0.0.1:${sentinel.port}`,
      HYPERPAGE_REDIS_MASTER_NAME: 'late',
    };
    const adapters = redisAdapters({ ...contextOf('pod-a', settings), log });
    try {
      await eventually('it is said', () => lines.some((line) => line.includes('Redis not connected')));
      expect(await adapters.sessions.read(freshId())).toMatchObject({ kind: 'unavailable' });
      await sentinel.client.call('SENTINEL', 'MONITOR', 'late', '127.0.0.1', server.port, 1);
      await eventually('it connects', () => adapters.everConnected());
      expect(await adapters.sessions.create(freshId(), fresh())).toMatchObject({ kind: 'ok' });
    } finally {
      await adapters.close();
      await Promise.all([server.stop(), sentinel.stop()]);
    }
  });
});

describe('a Redis with a password', () => {
  let server: RedisServer;
  let folder: string;
  beforeAll(async () => {
    server = await startRedis({ password: 'first-secret' });
    folder = await mkdtemp(join(tmpdir(), 'hyperpage-password-'));
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('connections are told in the log, passwords never; a rotated password is taken from the file', async () => {
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, 'wrong-secret\n');
    const lines: string[] = [];
    const log = createLogger({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const context = contextOf('pod-a', {
      REDIS_URL: server.url,
      HYPERPAGE_REDIS_PASSWORD_FILE: passwordFile,
    });
    const adapters = redisAdapters({ ...context, log });
    const told = (message: string) => lines.filter((line) => line.includes(message)).length;
    try {
      await eventually('the wrong password is refused', () => told('Redis not connected') === 1);
      expect(adapters.everConnected()).toBe(false);
      await writeFile(passwordFile, 'first-secret\n');
      await eventually('it connects', () => adapters.everConnected());
      expect(told('"msg":"Session Manager Redis connection"')).toBe(1);

      await server.client.config('SET', 'requirepass', 'second-secret');
      await writeFile(passwordFile, 'second-secret\n');
      await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await eventually('it connects again', () => told('"msg":"Session Manager Redis connection"') >= 2);
      await eventually(
        'sessions work',
        async () => (await adapters.sessions.create(freshId(), fresh())).kind === 'ok',
      );
      expect(lines.join('')).not.toMatch(/-secret/);
    } finally {
      await adapters.close();
    }
  });
});
