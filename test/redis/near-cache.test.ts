import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionStore } from '../../sidecar/src/sessions/index.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisWorld, startRedisWorld } from '../support/redis-world.ts';
import { fresh, freshId, stored } from '../support/session-store-suite.ts';

/** Long, so that only what Redis tells can end a copy. */
const ENV = { HYPERPAGE_SESSION_NEAR_CACHE_MS: '60000' };

describe('copies that a real Redis tells changes of', () => {
  let world: RedisWorld;
  beforeAll(async () => {
    world = await startRedisWorld();
  });
  afterEach(() => world.closePods());
  afterAll(() => world.stop());

  const calls = async () => {
    const stats = await world.server.client.info('commandstats');
    return Number(/cmdstat_fcall:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  };
  const two = async () => {
    const [a, b] = [await world.open('pod-a', ENV), await world.open('pod-b', ENV)];
    return [a.sessions, b.sessions] as const;
  };
  /** Reads until it needs no Redis, which shows that the copy is kept. */
  const warm = (store: SessionStore, id: string) =>
    eventually('the read needs no Redis', async () => {
      await stored(store, id);
      const before = await calls();
      for (let n = 0; n < 20; n++) await stored(store, id);
      return (await calls()) - before < 15;
    });
  const userId = async (store: SessionStore, id: string) => (await stored(store, id)).session.userId;

  test("another pod's write is seen, every time", async () => {
    const [a, b] = await two();
    const id = freshId();
    await a.create(id, fresh());
    for (let n = 0; n < 20; n++) {
      await warm(b, id);
      await a.update(id, { userId: `n${n}` });
      await eventually('it is seen', async () => (await userId(b, id)) === `n${n}`, { withinMs: 1000 });
    }
    await a.remove(id);
    await eventually('it is gone', async () => (await b.read(id)).kind === 'not-found', { withinMs: 1000 });
  });

  test('own writes are seen at once', async () => {
    const [a] = await two();
    const id = freshId();
    await a.create(id, fresh());
    for (let n = 0; n < 200; n++) {
      await a.update(id, { userId: `n${n}` });
      expect(await userId(a, id)).toBe(`n${n}`);
    }
  });

  test.each(['pubsub', 'normal'])('nothing is missed when connections of type %s are cut', async (type) => {
    const [a, b] = await two();
    const id = freshId();
    await a.create(id, fresh({ userId: 'before' }));
    await warm(b, id);
    await world.server.client.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    // Either may be without Redis for a moment, and says so: these pods have no memory to go on with.
    await eventually('a is back', async () => (await a.update(id, { userId: 'after' })).kind === 'ok');
    await eventually('b is back', async () => (await b.read(id)).kind === 'ok', { withinMs: 3000 });
    await eventually('it is seen', async () => (await userId(b, id)) === 'after', { withinMs: 3000 });
    await warm(b, id);
    await a.update(id, { userId: 'again' });
    await eventually('it is seen', async () => (await userId(b, id)) === 'again', { withinMs: 1000 });
  });

  test('without copies every read sees the last write, and Redis tells again only what has changed', async () => {
    const env = { HYPERPAGE_SESSION_NEAR_CACHE_MS: '0', SESSION_FALLBACK_TO_MEMORY: 'true' };
    const [a, b] = [await world.open('pod-a', env), await world.open('pod-b', env)];
    const id = freshId();
    await a.sessions.create(id, fresh({ userId: 'n0' }));
    const told = async () =>
      Number(/total_net_output_bytes:(\d+)/.exec(await world.server.client.info('stats'))?.[1]);
    const reading = async (times: number) => {
      const before = await told();
      for (let n = 0; n < times; n++) await stored(b.sessions, id);
      return ((await told()) - before) / times;
    };
    const whole = await reading(1);
    expect(await reading(50)).toBeLessThan(whole / 3);
    for (let n = 1; n < 20; n++) {
      await a.sessions.update(id, { userId: `n${n}` });
      expect(await userId(b.sessions, id)).toBe(`n${n}`);
    }
    await a.sessions.remove(id);
    expect(await b.sessions.read(id)).toEqual({ kind: 'not-found' });
  });

  test('a Redis that forgets everything ends every copy', async () => {
    const [a] = await two();
    const id = freshId();
    await a.create(id, fresh());
    await warm(a, id);
    await world.server.client.flushall();
    await sleep(100);
    expect(await a.read(id)).toEqual({ kind: 'not-found' });
  });
});
