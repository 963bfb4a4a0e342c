import { setTimeout as sleep } from 'node:timers/promises';
import { startRedisWorld } from '../support/redis-world.ts';
import { sessionFallbackSuite } from '../support/session-fallback-suite.ts';
import { eventually } from '../support/eventually.ts';
import { fresh, freshId, sessionStoreSuite, stored } from '../support/session-store-suite.ts';

sessionStoreSuite('a real Redis', startRedisWorld);
sessionFallbackSuite('a real Redis', startRedisWorld, 'local');

describe('a Redis that comes back empty', () => {
  test('is given what the pods have seen, and nothing that was removed; one that is emptied in use is not', async () => {
    const world = await startRedisWorld();
    try {
      const env = { SESSION_FALLBACK_TO_MEMORY: 'true' };
      const [a, b] = [await world.open('pod-a', env), await world.open('pod-b', env)];
      for (const { membership } of [a, b]) membership.start();
      const [kept, removed] = [freshId(), freshId()];
      for (const id of [kept, removed]) {
        await a.sessions.create(id, fresh({ userId: 'somebody' }));
        await b.sessions.update(id, { preferences: { theme: 'dark' } });
      }
      await a.sessions.remove(removed);
      await eventually('both know the members', () =>
        [a, b].every((pod) => pod.membership.members().length === 2),
      );

      await world.cut();
      await eventually('everybody sees it', () => a.sessions.ready().consistency === 'local');
      await eventually('members are not heard', () => (a.membership.members()[1]?.lastSeenMs ?? 0) > 2000);
      await world.healEmpty();
      // Each pod gives what it has seen, one after the other.
      await eventually('all of it is back', async () => {
        const read = await b.sessions.read(kept);
        return read.kind === 'ok' && read.session.preferences.theme === 'dark';
      });
      expect((await stored(a.sessions, kept)).session.userId).toBe('somebody');
      // As soon as the one that removed it has given back that.
      await eventually('it stays removed', async () => (await b.sessions.read(removed)).kind === 'not-found');

      // Each has announced itself since, and so has noticed the loss.
      await sleep(2500);
      await world.forget();
      await sleep(2500);
      expect(await world.server.client.exists(`hyperpage:session:${kept}`)).toBe(0);
    } finally {
      await world.closePods();
      await world.stop();
    }
  });
});
