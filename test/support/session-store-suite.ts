import { newSessionData, type SessionData } from '@hyperpage/contract';
import type { SessionStore } from '../../sidecar/src/sessions/index.ts';
import type { AdapterWorld } from './adapter-world.ts';
import { eventually } from './eventually.ts';

let ids = 0;
export const freshId = () => `session-${process.pid}-${ids++}-0123456789abcdef`;
export const fresh = (more: Partial<SessionData> = {}): SessionData => ({
  ...newSessionData(new Date('2025-10-29T12:00:00.000Z'), {
    ipAddress: '192.168.1.100',
    userAgent: 'Mozilla/5.0',
  }),
  ...more,
});
export const stored = async (store: SessionStore, id: string) => {
  const outcome = await store.read(id);
  if (outcome.kind !== 'ok') throw new Error(`the session is ${outcome.kind}`);
  return outcome;
};

/** What every adapter of the session store promises. */
export function sessionStoreSuite(name: string, start: () => Promise<AdapterWorld>): void {
  describe(`the session store on ${name}`, () => {
    let world: AdapterWorld;
    beforeAll(async () => {
      world = await start();
    });
    afterEach(() => world.closePods());
    afterAll(() => world.stop());
    const two = async (env: Record<string, string> = {}) => {
      const [a, b] = [await world.open('pod-a', env), await world.open('pod-b', env)];
      return [a.sessions, b.sessions] as const;
    };

    test('a session made in one pod is read in another', async () => {
      const [a, b] = await two();
      const id = freshId();
      const session = fresh({ userId: 'somebody' });
      const created = await a.create(id, session);
      expect(created).toMatchObject({ kind: 'ok', version: 1, consistency: 'redis' });
      const { session: read, version } = await stored(b, id);
      expect(version).toBe(1);
      expect(read).toEqual({
        ...session,
        lastActivity: expect.stringMatching(/Z$/),
        metadata: { ...session.metadata, updated: expect.stringMatching(/Z$/) },
      });
      expect(await b.read(freshId())).toEqual({ kind: 'not-found' });
    });

    test('an id is given once', async () => {
      const [a, b] = await two();
      const id = freshId();
      await a.create(id, fresh({ userId: 'first' }));
      expect(await b.create(id, fresh({ userId: 'second' }))).toEqual({ kind: 'taken' });
      expect((await stored(a, id)).session.userId).toBe('first');
    });

    test('an update sets the leaves it names and no others', async () => {
      const [a] = await two();
      const id = freshId();
      await a.create(id, fresh());
      await a.update(id, {
        uiState: { expandedWidgets: ['github-issues'] },
        toolConfigs: { jira: { enabled: true } },
      });
      const outcome = await a.update(id, {
        preferences: { theme: 'dark' },
        toolConfigs: { jira: { settings: { board: 7 } } },
      });
      expect(outcome).toMatchObject({ kind: 'ok', version: 3 });
      const { session } = await stored(a, id);
      expect(session.preferences).toEqual({ ...fresh().preferences, theme: 'dark' });
      expect(session.uiState).toEqual({ ...fresh().uiState, expandedWidgets: ['github-issues'] });
      expect(session.toolConfigs).toEqual({ jira: { enabled: true, settings: { board: 7 } } });
      expect(session.metadata.created).toBe('2025-10-29T12:00:00.000Z');
    });

    test('whatever JSON can say comes back the same', async () => {
      const [a, b] = await two();
      const id = freshId();
      await a.create(id, fresh());
      const settings = {
        empty: [],
        object: {},
        nothing: null,
        deep: [[{ a: 1.5e-7 }]],
        Grüße: '世界 \u0000 \u2028 "',
      };
      const toolConfigs = Object.fromEntries(
        ['__proto__', 'a/b~c', '', 'constructor', 'ok'].map((tool) => [tool, { enabled: false, settings }]),
      );
      await a.update(id, { uiState: { filterSettings: settings, expandedWidgets: [] }, toolConfigs });
      const { session } = await stored(b, id);
      expect(session.uiState.filterSettings).toEqual(settings);
      expect(new Map(Object.entries(session.toolConfigs))).toEqual(new Map(Object.entries(toolConfigs)));
    });

    test('two pods that edit different fields at the same time both win', async () => {
      const [a, b] = await two();
      const id = freshId();
      await a.create(id, fresh());
      const rounds = Array.from({ length: 25 }, (_, n) => n);
      const outcomes = await Promise.all(
        rounds.flatMap((n) => [
          a.update(id, { preferences: { refreshInterval: n } }),
          b.update(id, { uiState: { dashboardLayout: `layout-${n}` } }),
          b.update(id, { toolConfigs: { [`tool-${n}`]: { enabled: true } } }),
        ]),
      );
      expect(outcomes.every(({ kind }) => kind === 'ok')).toBe(true);
      const { session, version } = await stored(a, id);
      expect(version).toBe(76);
      expect(session.preferences.refreshInterval).toBe(24);
      expect(session.uiState.dashboardLayout).toBe('layout-24');
      expect(Object.keys(session.toolConfigs)).toHaveLength(25);
    });

    test('an update for another version than the present changes nothing', async () => {
      const [a, b] = await two();
      const id = freshId();
      await a.create(id, fresh());
      await b.update(id, { userId: 'b' });
      expect(await a.update(id, { userId: 'a' }, { ifVersion: 1 })).toEqual({
        kind: 'version-conflict',
        version: 2,
      });
      expect((await stored(a, id)).session.userId).toBe('b');
      expect(await a.update(id, { userId: 'a' }, { ifVersion: 2 })).toMatchObject({ kind: 'ok', version: 3 });
    });

    test('an update makes no session', async () => {
      const [a] = await two();
      const id = freshId();
      expect(await a.update(id, { userId: 'nobody' })).toEqual({ kind: 'not-found' });
      expect(await a.read(id)).toEqual({ kind: 'not-found' });
    });

    test('a deleted session stays deleted', async () => {
      const [a, b] = await two();
      const id = freshId();
      await a.create(id, fresh());
      expect(await b.remove(id)).toEqual({ kind: 'ok', consistency: 'redis' });
      expect(await b.remove(id)).toEqual({ kind: 'not-found' });
      expect(await a.update(id, { userId: 'zombie' })).toEqual({ kind: 'not-found' });
      expect(await a.create(id, fresh())).toEqual({ kind: 'taken' });
      expect(await a.read(id)).toEqual({ kind: 'not-found' });
      const racing = freshId();
      await a.create(racing, fresh());
      await Promise.all([
        ...Array.from({ length: 20 }, () => a.update(racing, { userId: 'zombie' })),
        b.remove(racing),
        ...Array.from({ length: 20 }, () => b.update(racing, { userId: 'zombie' })),
      ]);
      expect(await a.read(racing)).toEqual({ kind: 'not-found' });
    });

    test('a session does not grow without bound', async () => {
      const [a] = await two();
      const id = freshId();
      await a.create(id, fresh());
      const outcome = await a.update(id, { uiState: { filterSettings: { text: 'ü'.repeat(40_000) } } });
      expect(outcome).toMatchObject({ kind: 'too-large', limitBytes: 65_536 });
      expect((await stored(a, id)).version).toBe(1);
    });

    test('active sessions are counted, and the expired are forgotten', async () => {
      const [a, b] = await two({ SESSION_DEFAULT_TTL_SECONDS: '1' });
      const before = (await a.activeCount()) ?? 0;
      const [kept, removed] = [freshId(), freshId()];
      await a.create(kept, fresh());
      await a.create(removed, fresh());
      expect(await b.activeCount()).toBe(before + 2);
      await a.remove(removed);
      expect(await b.activeCount()).toBe(before + 1);
      await world.advance(2000);
      await eventually('the session expires', async () => (await b.activeCount()) === 0);
      expect(await b.read(kept)).toEqual({ kind: 'not-found' });
    });

    test('a write under a term that a higher one has followed is refused, and changes nothing', async () => {
      const [a, b] = await two();
      const [id, other] = [freshId(), freshId()];
      const base = Date.now() - 1.7e12;
      const [older, newer] = [base, base + 1];
      expect(await a.create(id, fresh(), { term: older })).toMatchObject({ kind: 'ok', version: 1 });
      expect(await a.update(id, { userId: 'first' }, { term: newer })).toMatchObject({
        kind: 'ok',
        version: 2,
      });
      const refused = { kind: 'term-overtaken', highest: newer };
      expect(await b.update(id, { userId: 'late' }, { term: older })).toEqual(refused);
      expect(await b.create(other, fresh(), { term: older })).toEqual(refused);
      expect(await b.remove(id, { term: older })).toEqual(refused);
      expect(await b.read(other)).toEqual({ kind: 'not-found' });
      expect(await stored(b, id)).toMatchObject({ version: 2, session: { userId: 'first' } });
      // Under none, and under the same one, writing goes on.
      expect(await b.update(id, { userId: 'anybody' })).toMatchObject({ kind: 'ok', version: 3 });
      expect(await b.remove(id, { term: newer })).toMatchObject({ kind: 'ok' });
    });

    test('without the fallback, a store out of reach is said to be so, and nothing is lost', async () => {
      const [a] = await two();
      const id = freshId();
      await a.create(id, fresh());
      expect(a.ready()).toMatchObject({ ready: true, consistency: 'redis' });
      await world.cut();
      await eventually('reading is refused', async () => (await a.read(id)).kind === 'unavailable');
      expect((await a.update(id, { userId: 'x' })).kind).toBe('unavailable');
      expect((await a.remove(id)).kind).toBe('unavailable');
      expect((await a.create(freshId(), fresh())).kind).toBe('unavailable');
      await eventually('it is not ready', async () => !a.ready().ready);
      expect(await a.activeCount()).toBeUndefined();
      await world.heal();
      await eventually('it is there again', async () => (await a.read(id)).kind === 'ok');
      expect((await stored(a, id)).version).toBe(1);
    });
  });
}
