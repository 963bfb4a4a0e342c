import type { SessionStore } from '../../sidecar/src/sessions/index.ts';
import type { AdapterWorld } from './adapter-world.ts';
import { eventually } from './eventually.ts';
import { fresh, freshId, stored } from './session-store-suite.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What sessions promise while the store behind them is gone, whatever store it is. */
export function sessionFallbackSuite(
  name: string,
  start: () => Promise<AdapterWorld>,
  /** How an answer stands while the store is gone: whether the pods reach each other. */
  away: 'peer' | 'local',
): void {
  describe(`sessions in memory in place of ${name}`, () => {
    let world: AdapterWorld;
    beforeAll(async () => {
      world = await start();
    });
    afterEach(() => world.closePods());
    afterAll(() => world.stop());
    const two = async () => {
      const env = { SESSION_FALLBACK_TO_MEMORY: 'true' };
      const [a, b] = [await world.open('pod-a', env), await world.open('pod-b', env)];
      return [a.sessions, b.sessions] as const;
    };

    const isAway = (store: SessionStore) =>
      eventually('the store is away', () => store.ready().consistency === 'local');
    const writtenBack = async (store: SessionStore, id: string, version: number) => {
      await eventually('the session is written back', async () => {
        await world.advance(1000);
        const outcome = await store.read(id);
        return outcome.kind === 'ok' && outcome.consistency === 'redis' && outcome.version >= version;
      });
      return (await stored(store, id)).session;
    };

    test('sessions go on while the store is gone, and it has all of it afterwards', async () => {
      const [a, b] = await two();
      const [known, made] = [freshId(), freshId()];
      await a.create(known, fresh());
      await world.cut();
      await isAway(a);
      expect(a.ready()).toMatchObject({ ready: true, consistency: 'local' });
      expect(await a.read(known)).toMatchObject({ kind: 'ok', version: 1, consistency: 'local' });
      expect(await a.update(known, { preferences: { theme: 'dark' } })).toMatchObject({
        kind: 'ok',
        version: 2,
        consistency: away,
        session: { preferences: { theme: 'dark' } },
      });
      expect(await a.create(made, fresh({ userId: 'made away' }))).toMatchObject({
        kind: 'ok',
        consistency: away,
      });
      await a.update(made, { toolConfigs: { jira: { enabled: true } } });
      expect(await a.create(made, fresh())).toEqual({ kind: 'taken' });
      await world.heal();
      expect((await writtenBack(b, known, 2)).preferences.theme).toBe('dark');
      expect(await writtenBack(b, made, 2)).toMatchObject({
        userId: 'made away',
        toolConfigs: { jira: { enabled: true } },
      });
    });

    test('a pod that stops while the store is gone waits for it, and leaves nothing unwritten', async () => {
      const a = await world.open('pod-a', { SESSION_FALLBACK_TO_MEMORY: 'true' });
      const id = freshId();
      await world.cut();
      await isAway(a.sessions);
      expect(await a.sessions.create(id, fresh({ userId: 'made away' }))).toMatchObject({
        consistency: 'local',
      });
      const closing = a.close();
      // Longer than one attempt takes.
      await pause(1000);
      await world.advance(3000);
      await world.heal();
      await world.advance(6000);
      await closing;
      const b = await world.open('pod-b');
      expect((await stored(b.sessions, id)).session.userId).toBe('made away');
    });

    test('a write under a term waits for the store: no pod knows all terms', async () => {
      const [a, b] = await two();
      const id = freshId();
      await a.create(id, fresh());
      await world.cut();
      await isAway(a);
      const under = { term: 7 };
      const refused = { kind: 'unavailable', reason: expect.stringContaining('term') };
      expect(await a.update(id, { userId: 'leader' }, under)).toMatchObject(refused);
      expect(await a.create(freshId(), fresh(), under)).toMatchObject(refused);
      expect(await a.remove(id, under)).toMatchObject(refused);
      expect(await a.update(id, { preferences: { theme: 'dark' } })).toMatchObject({ kind: 'ok' });
      await world.heal();
      const session = await writtenBack(b, id, 2);
      expect([session.userId, session.preferences.theme]).toEqual([undefined, 'dark']);
    });

    test('what two pods changed while the store was gone is merged field by field', async () => {
      const [a, b] = await two();
      const id = freshId();
      await a.create(id, fresh());
      await stored(b, id);
      await world.cut();
      await Promise.all([isAway(a), isAway(b)]);
      await a.update(id, { preferences: { theme: 'dark' } });
      await b.update(id, { uiState: { dashboardLayout: 'wide' } });
      await world.heal();
      await writtenBack(a, id, 3);
      const session = await writtenBack(b, id, 3);
      expect(session.preferences.theme).toBe('dark');
      expect(session.uiState.dashboardLayout).toBe('wide');
    });

    test('a removal wins over what another pod wrote meanwhile', async () => {
      const [a, b] = await two();
      const [id, removed] = [freshId(), freshId()];
      await a.create(id, fresh());
      await a.create(removed, fresh());
      await stored(b, id);
      await world.cut();
      await Promise.all([isAway(a), isAway(b)]);
      await b.update(id, { userId: 'zombie' });
      expect(await a.remove(id)).toEqual({ kind: 'ok', consistency: away });
      expect(await a.read(id)).toEqual({ kind: 'not-found' });
      expect(await b.remove(removed)).toMatchObject({ kind: 'ok' });
      await world.heal();
      await eventually('it is gone everywhere', async () => {
        await world.advance(1000);
        const views = await Promise.all([a.read(id), b.read(id), a.read(removed), b.read(removed)]);
        return a.ready().consistency === 'redis' && views.every(({ kind }) => kind === 'not-found');
      });
      await world.advance(10_000);
      expect(await b.update(id, { userId: 'zombie' })).toEqual({ kind: 'not-found' });
    });

    test('a session that no pod that answers has seen is not made up', async () => {
      const [a, b] = await two();
      const id = freshId();
      await a.create(id, fresh());
      await world.cut();
      await isAway(b);
      expect((await b.read(id)).kind).toBe(away === 'peer' ? 'ok' : 'unavailable');
      expect((await b.update(id, { userId: 'x' })).kind).toBe(away === 'peer' ? 'ok' : 'unavailable');
    });
  });
}
