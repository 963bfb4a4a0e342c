import { SessionStore } from '../../../client/src/react/store.ts';
import type { SessionUpdates } from '../../../client/src/sessions/index.ts';
import { mergeSession, newSession } from '../../../client/src/sessions/session.ts';
import { eventually } from './fake-sidecar.ts';

interface Call {
  method: string;
  url: string;
  body: { sessionId: string; updates: SessionUpdates } | undefined;
  answer(response: Response): void;
}

const problem = (status: number, code: string, detail: string) =>
  new Response(JSON.stringify({ code, detail }), { status });

/** An app's `/api/sessions` that answers when the test says. */
function heldApp() {
  const calls: Call[] = [];
  const send = ((url: string, init: RequestInit) =>
    new Promise<Response>((resolve) => {
      const body = init.body === undefined ? undefined : (JSON.parse(init.body as string) as Call['body']);
      calls.push({ method: init.method ?? '', url, body, answer: resolve });
    })) as typeof fetch;
  return {
    calls,
    store: new SessionStore({ fetch: send }),
    next: async (): Promise<Call> => {
      await eventually(() => calls.length > 0, 'a request');
      return calls.shift() as Call;
    },
  };
}

const EPOCH = new Date(0);
const start = newSession(EPOCH, { ipAddress: '', userAgent: '' });
const ok = (version: number, session = start, sessionId = 's1') =>
  new Response(JSON.stringify({ success: true, sessionId, session, version, consistency: 'redis' }));

async function loaded() {
  const app = heldApp();
  const stop = app.store.subscribe(() => {});
  (await app.next()).answer(ok(1));
  await eventually(() => !app.store.getSnapshot().isLoading, 'loaded');
  return { ...app, stop };
}

const themeOf = (store: SessionStore) => store.getSnapshot().session?.preferences.theme;

describe('the session behind useSession', () => {
  test('is read once for all components, also when they come twice, as in strict mode', async () => {
    const { store, calls, next } = heldApp();
    const first = store.subscribe(() => {});
    first();
    store.subscribe(() => {});
    store.subscribe(() => {});
    (await next()).answer(ok(1));
    await eventually(() => store.getSnapshot().session !== null, 'loaded');
    expect(calls).toHaveLength(0);
    expect(store.getSnapshot()).toMatchObject({
      sessionId: 's1',
      isLoading: false,
      error: null,
      version: 1,
      consistency: 'redis',
    });
    expect(store.getSnapshot().session?.lastActivity).toEqual(EPOCH);
  });

  test('shows a change at once and keeps it when it is saved', async () => {
    const { store, next } = await loaded();
    const saved = store.updateSession({ preferences: { theme: 'dark' } });
    expect(themeOf(store)).toBe('dark');
    expect(store.getSnapshot().isSaving).toBe(true);
    const call = await next();
    expect(call).toMatchObject({
      method: 'POST',
      url: '/api/sessions',
      body: { sessionId: 's1', updates: { preferences: { theme: 'dark' } } },
    });
    call.answer(ok(2, mergeSession(start, { preferences: { theme: 'dark' } })));
    expect(await saved).toBe(true);
    expect(store.getSnapshot()).toMatchObject({ version: 2, isSaving: false, error: null });
  });

  test('takes back a change that is refused, and says why', async () => {
    const { store, next } = await loaded();
    const saved = store.updateSession({ preferences: { theme: 'plaid' } });
    expect(themeOf(store)).toBe('plaid');
    (await next()).answer(problem(400, 'invalid-body', 'theme must be light, dark or system'));
    expect(await saved).toBe(false);
    expect(themeOf(store)).toBe('system');
    expect(store.getSnapshot().error).toBe('theme must be light, dark or system');
  });

  test('keeps a later change when an earlier one is refused', async () => {
    const { store, next } = await loaded();
    const first = store.updateSession({ preferences: { language: 'xx' } });
    const second = store.updateSession({ preferences: { theme: 'dark' } });
    (await next()).answer(problem(503, 'redis-unavailable', 'try again'));
    expect(await first).toBe(false);
    expect(store.getSnapshot().session?.preferences).toMatchObject({ language: 'en', theme: 'dark' });
    (await next()).answer(ok(2, mergeSession(start, { preferences: { theme: 'dark' } })));
    expect(await second).toBe(true);
    expect(store.getSnapshot().error).toBeNull();
  });

  test('sends changes one at a time, so that two pods cannot swap them', async () => {
    const { store, calls, next } = await loaded();
    void store.updateSession({ preferences: { theme: 'dark' } });
    void store.updateSession({ preferences: { theme: 'light' } });
    const first = await next();
    expect(calls).toHaveLength(0);
    first.answer(ok(2, mergeSession(start, { preferences: { theme: 'dark' } })));
    const second = await next();
    expect(second.body?.updates).toEqual({ preferences: { theme: 'light' } });
    expect(themeOf(store)).toBe('light');
    second.answer(ok(3, mergeSession(start, { preferences: { theme: 'light' } })));
    await eventually(() => !store.getSnapshot().isSaving, 'saved');
    expect(themeOf(store)).toBe('light');
  });

  test('is not put back by an answer that is older than what it shows', async () => {
    const { store, next } = await loaded();
    void store.updateSession({ preferences: { theme: 'dark' } });
    (await next()).answer(ok(5, mergeSession(start, { preferences: { theme: 'dark' } })));
    await eventually(() => store.getSnapshot().version === 5, 'saved');
    const refreshed = store.refreshSession();
    (await next()).answer(ok(4));
    await refreshed;
    expect(themeOf(store)).toBe('dark');
  });

  test('keeps its last state and says so when the server cannot be reached', async () => {
    const { store, next } = await loaded();
    const refreshed = store.refreshSession();
    (await next()).answer(new Response('<html>', { status: 502 }));
    await refreshed;
    expect(store.getSnapshot().sessionId).toBe('s1');
    expect(store.getSnapshot().error).toContain('502');
  });

  test('is gone after clearSession, and a refresh begins another', async () => {
    const { store, next } = await loaded();
    const cleared = store.clearSession();
    const call = await next();
    expect([call.method, call.url]).toEqual(['DELETE', '/api/sessions?sessionId=s1']);
    call.answer(new Response('{"success":true}'));
    await cleared;
    expect(store.getSnapshot()).toMatchObject({
      session: null,
      sessionId: null,
      isLoading: false,
      error: null,
    });
    const refreshed = store.refreshSession();
    (await next()).answer(ok(1, start, 's2'));
    await refreshed;
    expect(store.getSnapshot().sessionId).toBe('s2');
  });

  test('holds on to its id in a browser that keeps no cookie', async () => {
    const { store, calls, next } = await loaded();
    const refreshed = store.refreshSession();
    (await next()).answer(ok(1, start, 'made-because-no-cookie-came'));
    const again = await next();
    expect(again.url).toBe('/api/sessions?sessionId=s1');
    again.answer(ok(2));
    await refreshed;
    expect(store.getSnapshot()).toMatchObject({ sessionId: 's1', version: 2 });
    const third = store.refreshSession();
    const call = await next();
    expect(call.url).toBe('/api/sessions?sessionId=s1');
    call.answer(ok(3));
    await third;
    expect(calls).toHaveLength(0);
  });

  test.each([
    ['has expired', 404, 'session-not-found'],
    ['is kept to the address that the browser had before', 403, 'session-bound'],
  ])('follows to a new session when the old one %s', async (_, status, code) => {
    const { store, next } = await loaded();
    const refreshed = store.refreshSession();
    (await next()).answer(ok(1, start, 's2'));
    (await next()).answer(problem(status, code, 'no such session'));
    await refreshed;
    expect(store.getSnapshot().sessionId).toBe('s2');
  });

  test('tells every listener, and none that has left', async () => {
    const { store, next, stop } = await loaded();
    let told = 0;
    const leave = store.subscribe(() => {
      told += 1;
    });
    void store.updateSession({ preferences: { theme: 'dark' } });
    expect(told).toBe(1);
    leave();
    stop();
    (await next()).answer(ok(2));
    await eventually(() => !store.getSnapshot().isSaving, 'saved');
    expect(told).toBe(1);
  });
});
