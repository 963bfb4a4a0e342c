import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry, silentLogger, systemClock } from '@hyperpage/runtime';
import { redisAdapters } from '../../sidecar/src/adapters.ts';
import { createRedisLink, type RedisLink } from '../../sidecar/src/redis/index.ts';
import { ASK_PEERS_MS } from '../../sidecar/src/redis/sentinels.ts';
import { podsOf } from '../support/adapter-world.ts';
import { record } from '../support/bus-suite.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisSentinels, startSentinels } from '../support/redis-sentinels.ts';
import { type RedisWorld, startRedisWorld } from '../support/redis-world.ts';
import { fresh, freshId } from '../support/session-store-suite.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls `step` again and again until told to stop. */
function keepOn(step: (turn: number) => Promise<unknown>, pauseMs: number) {
  const state = { stopped: false };
  const running = (async () => {
    for (let turn = 0; !state.stopped; turn++) {
      await step(turn);
      await pause(pauseMs);
    }
  })();
  return async () => {
    state.stopped = true;
    await running;
  };
}

describe('a primary that fails', () => {
  let redis: RedisSentinels;
  let folder: string;
  let pods: ReturnType<typeof podsOf>;

  beforeEach(async () => {
    redis = await startSentinels();
    folder = await mkdtemp(join(tmpdir(), 'hyperpage-password-'));
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, redis.password);
    pods = podsOf(redisAdapters, systemClock, {
      HYPERPAGE_REDIS_SENTINELS: redis.endpoints,
      HYPERPAGE_REDIS_MASTER_NAME: redis.masterName,
      HYPERPAGE_REDIS_PASSWORD_FILE: passwordFile,
      HYPERPAGE_SESSION_REPLICAS: '1',
    });
  });
  afterEach(async () => {
    await pods.closeAll();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    { signal: 'SIGKILL', what: 'is killed', fallback: 'false' },
    { signal: 'SIGKILL', what: 'is killed and memory stands in', fallback: 'true' },
    { signal: 'SIGSTOP', what: 'hangs', fallback: 'false' },
  ] as const)(
    'when the primary $what, no acknowledged session write is lost, and messages go on or declare a gap',
    async ({ signal, fallback }) => {
      const env = { SESSION_FALLBACK_TO_MEMORY: fallback };
      const [a, b] = [await pods.open('pod-a', env), await pods.open('pod-b', env)];
      const [atA, atB] = [record(a.bus), record(b.bus)];
      const acknowledged = new Map<string, number>();
      const sessionIds = Array.from({ length: 8 }, () => freshId());
      for (const id of sessionIds) expect((await a.sessions.create(id, fresh())).kind).toBe('ok');

      const stopWriting = sessionIds.map((id, index) =>
        keepOn(async (turn) => {
          const { sessions } = index % 2 === 0 ? a : b;
          const outcome = await sessions.update(id, { preferences: { refreshInterval: turn } });
          if (outcome.kind === 'ok') acknowledged.set(id, turn);
        }, 5),
      );
      const accepted: number[] = [];
      const stopSending = keepOn(async (turn) => {
        const outcome = await a.bus.send({ type: 'broadcast', payload: turn });
        if (outcome.kind === 'sent') accepted.push(turn);
      }, 10);

      await eventually('writing is well under way', () => accepted.length > 20 && acknowledged.size === 8);
      const before = await redis.primary();
      await before.kill(signal);
      await eventually(
        'the sentinels name another primary',
        async () => (await redis.primary()).port !== before.port,
        {
          withinMs: 30_000,
        },
      );
      const [writtenBefore, sentBefore] = [new Map(acknowledged), accepted.length];
      await eventually(
        'writing and sending go on',
        () =>
          accepted.length > sentBefore + 20 &&
          sessionIds.every((id) => (acknowledged.get(id) ?? 0) > (writtenBefore.get(id) ?? 0)),
        { withinMs: 40_000 },
      );
      await Promise.all([...stopWriting, stopSending].map((stop) => stop()));

      for (const id of sessionIds) {
        // At least: a write whose answer was lost on the way may stand as well.
        await eventually('every acknowledged write is in Redis', async () => {
          const read = await b.sessions.read(id);
          if (read.kind !== 'ok' || read.consistency !== 'redis') return false;
          return read.session.preferences.refreshInterval >= (acknowledged.get(id) ?? 0);
        });
      }
      const last = accepted.at(-1) ?? 0;
      for (const at of [atA, atB]) {
        await eventually('the last message arrives', () => at.payloads().includes(last), {
          withinMs: 20_000,
        });
        const got = at.payloads() as number[];
        expect(got).toEqual([...new Set(got)].sort((x, y) => x - y));
        const missing = accepted.filter((payload) => !got.includes(payload));
        expect(at.gaps().length > 0 || missing.length === 0).toBe(true);
      }
      await before.kill('SIGCONT');
    },
  );
});

describe('a primary that the sentinels do not hear', () => {
  test('acknowledges nothing, although its replicas confirm: it may be about to be replaced', async () => {
    const redis = await startSentinels();
    const folder = await mkdtemp(join(tmpdir(), 'hyperpage-password-'));
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, redis.password);
    const pods = podsOf(redisAdapters, systemClock, {
      HYPERPAGE_REDIS_SENTINELS: redis.endpoints,
      HYPERPAGE_REDIS_MASTER_NAME: redis.masterName,
      HYPERPAGE_REDIS_PASSWORD_FILE: passwordFile,
      HYPERPAGE_SESSION_REPLICAS: '1',
      SESSION_FALLBACK_TO_MEMORY: 'false',
    });
    try {
      const { sessions } = await pods.open('pod-a', {});
      const id = freshId();
      const update = () => sessions.update(id, { preferences: { theme: 'dark' } });
      await eventually(
        'a session is acknowledged',
        async () => (await sessions.create(id, fresh())).kind === 'ok',
      );
      const silenced = redis.sentinels.slice(0, 2);
      for (const sentinel of silenced) await sentinel.kill('SIGSTOP');
      await pause(2000);
      expect(await update()).toEqual({ kind: 'not-acknowledged', wanted: 1, got: 0 });
      for (const sentinel of silenced) await sentinel.kill('SIGCONT');
      await eventually('it is acknowledged again', async () => (await update()).kind === 'ok');
    } finally {
      await pods.closeAll();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('sentinels of which the sidecar is told only some', () => {
  const worlds: RedisSentinels[] = [];
  const links: RedisLink[] = [];
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hyperpage-password-'));
  });
  afterEach(async () => {
    await Promise.all(links.splice(0).map((link) => link.close()));
    await Promise.all(worlds.splice(0).map((world) => world.stop()));
    await rm(folder, { recursive: true, force: true });
  });

  /** `voters` sentinels, and a link that is told of the first `named`. */
  const start = async (voters: number, named: number) => {
    const redis = await startSentinels({ voters });
    worlds.push(redis);
    await writeFile(join(folder, 'password'), redis.password);
    const link = createRedisLink(
      {
        kind: 'sentinels',
        sentinels: redis.sentinels.slice(0, named).map(({ port }) => ({ host: '127.0.0.1', port })),
        masterName: redis.masterName,
        passwordFile: join(folder, 'password'),
      },
      {
        clock: systemClock,
        random: Math.random,
        log: silentLogger,
        registry: createRegistry({ processMetrics: false }),
        waitMs: 1000,
      },
    );
    links.push(link);
    const raisesTo = (term: number) =>
      eventually(
        'the primary takes writes',
        () =>
          link.call({ name: 'term_raise', keys: ['floor'], args: [term] }).then(
            (floor) => Number(floor) === term,
            () => false,
          ),
        { withinMs: 40_000 },
      );
    await raisesTo(1);
    return { redis, raisesTo };
  };
  const cutAll = async (redis: RedisSentinels) => {
    await (await redis.primary()).client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  };

  test('a failover is followed when one of three named ones is left, and its peers are asked when it goes too', async () => {
    const { redis, raisesTo } = await start(5, 3);
    const [first, second, third] = redis.sentinels;
    await Promise.all([first?.kill('SIGKILL'), second?.kill('SIGKILL')]);
    const before = await redis.primary();
    await before.kill('SIGKILL');
    await raisesTo(2);
    expect((await redis.primary()).port).not.toBe(before.port);
    await third?.kill('SIGKILL');
    await cutAll(redis);
    await raisesTo(3);
  });

  test('a sentinel that joins later is learned of as well', async () => {
    const { redis, raisesTo } = await start(1, 1);
    const [known] = redis.sentinels;
    await redis.join();
    await eventually('it is told of', async () => {
      const told = await known?.client.call('SENTINEL', 'SENTINELS', redis.masterName);
      return Array.isArray(told) && told.length === 1;
    });
    await pause(ASK_PEERS_MS + 1000);
    await known?.kill('SIGKILL');
    await cutAll(redis);
    await raisesTo(2);
  });
});

describe('a Redis that is killed and started again, over and over', () => {
  let world: RedisWorld;
  beforeAll(async () => {
    world = await startRedisWorld();
  });
  afterEach(() => world.closePods());
  afterAll(() => world.stop());

  test('every accepted message arrives once and in order, without a gap', async () => {
    const [a, b] = [await world.open('pod-a'), await world.open('pod-b')];
    const [atA, atB] = [record(a.bus), record(b.bus)];
    const accepted: number[] = [];
    const stopSending = keepOn(async (turn) => {
      const outcome = await a.bus.send({ type: 'broadcast', payload: turn });
      if (outcome.kind === 'sent') accepted.push(turn);
    }, 1);
    for (let round = 0; round < 4; round++) {
      const count = accepted.length;
      await eventually('messages flow', () => accepted.length > count + 30);
      await world.cut();
      await pause(50);
      await world.heal();
    }
    const count = accepted.length;
    await eventually('messages flow', () => accepted.length > count + 30);
    await stopSending();
    for (const at of [atA, atB]) {
      await eventually('the last one arrives', () => at.payloads().includes(accepted.at(-1)));
      const got = at.payloads() as number[];
      expect(got).toEqual([...new Set(got)].sort((x, y) => x - y));
      expect(got).toEqual(expect.arrayContaining(accepted));
      expect(at.gaps()).toEqual([]);
    }
  });
});
