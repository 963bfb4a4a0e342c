import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { createRegistry, listen, silentLogger, systemClock } from '@hyperpage/runtime';
import { createPeerClient, PEER_PATH } from '../../sidecar/src/peers/client.ts';
import { watchPeerKey } from '../../sidecar/src/peers/key.ts';
import { createPeerHandler, sessionAnswers } from '../../sidecar/src/peers/server.ts';
import { createSessionPeers } from '../../sidecar/src/peers/session-peers.ts';
import { createRedisLink } from '../../sidecar/src/redis/index.ts';
import {
  createRedisTarget,
  createSessionStore,
  fallbackMetrics,
  followRedisClock,
  type SessionStore,
  withFallback,
} from '../../sidecar/src/sessions/index.ts';
import { join, type StoredSession } from '../../sidecar/src/sessions/operation.ts';
import { creationStamp, stamped } from '../../sidecar/src/sessions/stamps.ts';
import { eventually } from '../support/eventually.ts';
import { randomOf } from '../support/random.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { fresh, freshId, stored } from '../support/session-store-suite.ts';

const TTL_MS = 3_600_000;
const CONTEXT = { clock: systemClock, random: Math.random, log: silentLogger };

/** A way to Redis that can be cut for one pod alone. */
async function startWay(port: number) {
  const open = new Set<Socket>();
  let cut = false;
  const server = createTcpServer((near) => {
    if (cut) return void near.destroy();
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set cut(value: boolean) {
      cut = value;
      if (value) for (const socket of open) socket.destroy();
    },
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Pod {
  sessions: SessionStore;
  address: string;
  way: Awaited<ReturnType<typeof startWay>>;
  link: ReturnType<typeof createRedisLink>;
  /** As SIGKILL: nobody hears of it any more. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

describe('several pods and a real Redis', () => {
  let redis: RedisServer;
  let folder: string;
  let pods: Pod[];
  const addresses: string[] = [];

  const start = async (secret = 'a secret of more than thirty-two bytes'): Promise<Pod> => {
    const way = await startWay(Number(new URL(redis.url).port));
    const registry = createRegistry({ processMetrics: false });
    const keyFile = joinPath(folder, `key-${pods.length}`);
    await writeFile(keyFile, secret);
    const key = watchPeerKey(keyFile, systemClock);
    const link = createRedisLink({ kind: 'url', url: way.url }, { ...CONTEXT, registry, waitMs: 0 });
    const clock = followRedisClock(systemClock);
    const target = createRedisTarget(link, {
      ttlMs: TTL_MS,
      replicas: 0,
      waitMs: 0,
      clock,
      floorKey: 'floor',
    });
    const client = createPeerClient(key);
    const server = createServer();
    await listen(server, 0, '127.0.0.1');
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const fallback = withFallback(target, {
      ...CONTEXT,
      clock,
      ttlMs: TTL_MS,
      metrics: fallbackMetrics(registry),
      onReachable: (listener) => link.onConnect(listener),
      peers: createSessionPeers({
        clock,
        others: () => addresses.filter((one) => one !== address),
        ask: client.ask,
      }),
    });
    const handler = createPeerHandler(sessionAnswers(fallback.service), { key, log: silentLogger, registry });
    server.on('request', handler);
    addresses.push(address);
    const bootId = `boot-${pods.length}-${process.pid}`;
    const sessions = createSessionStore(fallback, {
      ...CONTEXT,
      clock,
      registry,
      bootId,
      cleanupIntervalMs: 1e9,
    });
    const kill = async () => {
      client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await link.close();
      await way.stop();
    };
    const pod = {
      sessions,
      address,
      way,
      link,
      kill,
      stop: async () => {
        await sessions.close();
        await kill();
      },
    };
    pods.push(pod);
    await eventually('it is connected', () => link.connected());
    return pod;
  };

  beforeEach(async () => {
    redis = await startRedis();
    folder = await mkdtemp(joinPath(tmpdir(), 'hyperpage-peers-'));
    pods = [];
    addresses.length = 0;
  });
  afterEach(async () => {
    await Promise.all(pods.map((pod) => pod.stop().catch(() => {})));
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const gone = async () => {
    await redis.kill('SIGKILL');
    await eventually('everybody sees it', () => pods.every(({ link }) => !link.connected()));
  };

  test('without Redis any pod goes on with a session, also when the one that wrote dies, and Redis has all of it at last', async () => {
    const [a, b, c] = [await start(), await start(), await start()];
    const [known, made] = [freshId(), freshId()];
    await a.sessions.create(known, fresh());
    await gone();
    expect(await a.sessions.update(known, { preferences: { theme: 'dark' } })).toMatchObject({
      kind: 'ok',
      consistency: 'peer',
    });
    expect(await a.sessions.create(made, fresh({ userId: 'made away' }))).toMatchObject({
      kind: 'ok',
      consistency: 'peer',
    });
    // Another one changes another field of it, and both are seen everywhere.
    expect(await b.sessions.update(known, { preferences: { language: 'de' } })).toMatchObject({
      kind: 'ok',
      consistency: 'peer',
      session: { preferences: { theme: 'dark', language: 'de' } },
    });
    await a.kill();
    pods.splice(0, 1);
    for (const { sessions } of [b, c]) {
      expect(await sessions.read(known)).toMatchObject({
        kind: 'ok',
        consistency: 'peer',
        session: { preferences: { theme: 'dark', language: 'de' } },
      });
    }
    await redis.restart();
    await eventually('Redis has it', async () => {
      const read = await c.sessions.read(known);
      return read.kind === 'ok' && read.consistency === 'redis' && read.session.preferences.theme === 'dark';
    });
    expect((await stored(b.sessions, made)).session.userId).toBe('made away');
    expect((await stored(b.sessions, known)).session.preferences).toMatchObject({
      theme: 'dark',
      language: 'de',
    });
  });

  test('what is removed without Redis is gone for every pod, and stays so', async () => {
    const [a, b] = [await start(), await start(), await start()] as [Pod, Pod, Pod];
    const id = freshId();
    await a.sessions.create(id, fresh());
    await b.sessions.read(id);
    await gone();
    expect(await b.sessions.remove(id)).toMatchObject({ kind: 'ok', consistency: 'peer' });
    expect(await a.sessions.read(id)).toEqual({ kind: 'not-found' });
    expect(await a.sessions.update(id, { userId: 'x' })).toEqual({ kind: 'not-found' });
    await redis.restart();
    await eventually('Redis is back', () => pods.every(({ link }) => link.connected()));
    expect(await a.sessions.read(id)).toEqual({ kind: 'not-found' });
    expect(await a.sessions.create(id, fresh())).toEqual({ kind: 'taken' });
  });

  test('a pod that alone does not reach Redis works through the others', async () => {
    const [a, b] = [await start(), await start()];
    const id = freshId();
    await b.sessions.create(id, fresh({ userId: 'there' }));
    a.way.cut = true;
    await eventually('it is cut off', () => !a.link.connected());
    expect(await a.sessions.read(id)).toMatchObject({
      kind: 'ok',
      consistency: 'redis',
      session: { userId: 'there' },
    });
    expect(await a.sessions.update(id, { userId: 'changed' })).toMatchObject({
      kind: 'ok',
      consistency: 'redis',
    });
    expect((await stored(b.sessions, id)).session.userId).toBe('changed');
    expect(await a.sessions.read(freshId())).toEqual({ kind: 'not-found' });
  });

  test('a pod with another key is told nothing and believed in nothing', async () => {
    const [a, stranger] = [await start(), await start('another secret of more than thirty-two bytes')];
    const id = freshId();
    await a.sessions.create(id, fresh());
    await gone();
    expect(await stranger.sessions.read(id)).toMatchObject({ kind: 'unavailable' });
    expect(await a.sessions.update(id, { userId: 'x' })).toMatchObject({ kind: 'ok', consistency: 'local' });
    const answer = await fetch(`http://${a.address}${PEER_PATH}`, { method: 'POST', body: 'x'.repeat(100) });
    expect([answer.status, await answer.text()]).toEqual([403, '']);
    await redis.restart();
  });

  test('Redis joins in what pods hold as they do themselves', async () => {
    const pod = await start();
    const clock = followRedisClock(systemClock);
    const target = createRedisTarget(pod.link, {
      ttlMs: TTL_MS,
      replicas: 0,
      waitMs: 0,
      clock,
      floorKey: 'floor',
    });
    const random = randomOf(7);
    const anyState = (createdMs: number): StoredSession => {
      const leaves = new Map<string, string>();
      for (const name of ['/userId', '/preferences/theme', '/uiState/dashboardLayout']) {
        const value = JSON.stringify(String(Math.floor(random() * 3)));
        const stamp = String(Number(creationStamp(createdMs)) + Math.floor(random() * 4)).padStart(16, '0');
        if (random() < 0.8) leaves.set(name, random() < 0.3 ? value : stamped(value, stamp));
      }
      const moments = { createdMs, updatedMs: createdMs + 1, activeMs: createdMs + 2 };
      return {
        kind: 'live',
        leaves,
        version: 1 + Math.floor(random() * 5),
        ...moments,
        expiresMs: 9e15,
        ops: [],
      };
    };
    for (let round = 0; round < 200; round++) {
      const id = freshId();
      const createdMs = Date.now();
      let here: StoredSession | undefined;
      for (let n = 0; n < 4; n++) {
        const held = anyState(createdMs);
        here = join(here, held);
        const merged = await target.merge(id, held);
        if (merged.kind !== 'ok' || here.kind !== 'live') throw new Error(`it is ${merged.kind}`);
        expect(merged.snapshot.leaves).toEqual(here.leaves);
        expect(merged.snapshot.version).toBe(here.version);
      }
    }
  });
});
