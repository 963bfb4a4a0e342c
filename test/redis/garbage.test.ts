import { sessionKey } from '@hyperpage/contract';
import { record } from '../support/bus-suite.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisWorld, startRedisWorld } from '../support/redis-world.ts';
import { fresh, freshId, stored } from '../support/session-store-suite.ts';

describe('what others put into Redis', () => {
  let world: RedisWorld;
  beforeAll(async () => {
    world = await startRedisWorld();
  });
  afterEach(() => world.closePods());
  afterAll(() => world.stop());

  test('garbage on a channel and in a log is counted and dropped, and messages go on', async () => {
    const a = await world.open('pod-a');
    const at = record(a.bus);
    const { client } = world.server;
    const envelope = (more: object) =>
      JSON.stringify({
        v: 1,
        id: 'x-1',
        type: 'broadcast',
        payload: 1,
        timestamp: 1,
        sourcePod: 'pod-x',
        priority: 'low',
        ...more,
      });
    for (const text of ['', 'garbage', '0-0 1-1', 'x y z', `1-1 zzz ${envelope({})}`]) {
      await client.publish('hyperpage:coord:all', text);
    }
    const log = 'hyperpage:coord:all:log';
    await client.xadd(log, '*', 'm', 'not json');
    await client.xadd(log, '*', 'other', 'field');
    await client.xadd(log, '*', 'm', envelope({ v: 2 }));
    await client.xadd(log, '*', 'm', envelope({ type: 'election' }));
    await client.xadd(log, '*', 'm', envelope({ to: 'pod-b' }));
    await client.xadd(log, '*', 'm', envelope({ priority: 'urgent' }));
    await client.xadd(log, '*', 'm', `"${'x'.repeat(300_000)}"`);
    const of = async (reason: string) => {
      const counted = await a.registry.getSingleMetric('hyperpage_bus_dropped_total')?.get();
      return counted?.values.find(({ labels }) => labels['reason'] === reason)?.value;
    };
    await eventually('the log is read', async () => (await of('oversized')) === 1);
    await a.bus.send({ type: 'broadcast', payload: 'good' });
    await eventually('the good one arrives', () => at.payloads().includes('good'));
    await a.bus.send({ type: 'broadcast', payload: 'and another' });
    await eventually('the next one arrives', () => at.payloads().includes('and another'));
    expect(at.payloads()).toEqual(['good', 'and another']);
    expect(at.gaps()).toEqual([]);
    expect(await of('not-a-push')).toBe(5);
    expect(await of('not-json')).toBe(2);
    expect(await of('wrong-version')).toBe(1);
    expect(await of('wrong-channel')).toBe(2);
    expect(await of('malformed')).toBe(1);
    expect(await of('oversized')).toBe(1);
  });

  test('a log that is no log refuses messages and harms nothing else', async () => {
    const a = await world.open('pod-a');
    const at = record(a.bus);
    const { client } = world.server;
    await client.set('hyperpage:coord:all:log', 'not a stream');
    expect(await a.bus.send({ type: 'broadcast', payload: 1 })).toMatchObject({ kind: 'unavailable' });
    await a.bus.send({ type: 'broadcast', payload: 2, to: 'pod-a' });
    await eventually('the direct one arrives', () => at.payloads().includes(2));
    await client.del('hyperpage:coord:all:log');
    await a.bus.send({ type: 'broadcast', payload: 3 });
    await eventually('broadcasts arrive again', () => at.payloads().includes(3));
  });

  test('a session key that holds something else is reported and left as it is', async () => {
    const { sessions } = await world.open('pod-a');
    const { client } = world.server;
    const [text, list, foreign, leaf, good] = [freshId(), freshId(), freshId(), freshId(), freshId()];
    await client.set(sessionKey(text), JSON.stringify(fresh()));
    await client.rpush(sessionKey(list), 'a', 'b');
    await client.hset(sessionKey(foreign), 'some', 'thing');
    await sessions.create(leaf, fresh());
    await client.hset(sessionKey(leaf), '/preferences/theme', '"neon"');
    await sessions.create(good, fresh());
    for (const id of [text, list, foreign, leaf]) {
      expect((await sessions.read(id)).kind).toBe('damaged');
      expect((await sessions.create(id, fresh())).kind).toBe('taken');
    }
    for (const id of [text, list, foreign]) {
      expect((await sessions.update(id, { userId: 'x' })).kind).toBe('damaged');
    }
    expect(await client.get(sessionKey(text))).toBe(JSON.stringify(fresh()));
    expect(await client.lrange(sessionKey(list), 0, -1)).toEqual(['a', 'b']);
    expect(await client.hgetall(sessionKey(foreign))).toEqual({ some: 'thing' });
    expect((await stored(sessions, good)).version).toBe(1);
    // Writing the leaf anew heals it; removing heals the rest.
    expect(await sessions.update(leaf, { preferences: { theme: 'dark' } })).toMatchObject({ kind: 'ok' });
    expect(await sessions.remove(text)).toMatchObject({ kind: 'ok' });
    expect(await sessions.read(text)).toEqual({ kind: 'not-found' });
  });

  test('a field of a version to come is kept and passed over', async () => {
    const { sessions } = await world.open('pod-a');
    const { client } = world.server;
    const id = freshId();
    await sessions.create(id, fresh());
    await client.hset(sessionKey(id), '/somethingNew/field', '{"any":1}', 'z', 'own');
    await sessions.update(id, { userId: 'me' });
    expect((await stored(sessions, id)).session).toMatchObject({ userId: 'me' });
    expect(await client.hget(sessionKey(id), '/somethingNew/field')).toBe('{"any":1}');
    expect(await client.hget(sessionKey(id), 'z')).toBe('own');
  });

  test('garbage among the members is passed over', async () => {
    const a = await world.open('pod-a');
    await world.server.client.hset('hyperpage:coord:members', 'pod-x', 'garbage');
    await world.server.client.zadd('hyperpage:coord:members:heard', Date.now(), 'pod-x', Date.now(), 'pod-y');
    a.membership.start();
    await eventually(
      'it announced itself',
      async () => (await world.server.client.hexists('hyperpage:coord:members', 'pod-a')) === 1,
    );
    expect(a.membership.members().map(({ podId }) => podId)).toEqual(['pod-a']);
  });
});
