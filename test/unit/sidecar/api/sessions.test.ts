import { SESSION_COOKIE, type SessionAnswer } from '@hyperpage/contract';
import { type Embedded, startEmbedded } from '../../../../sidecar/src/embedded.ts';
import { MemoryWorld } from '../../../../sidecar/src/memory-world.ts';
import { type PlainAnswer, plainRequest } from '../../../support/plain-http.ts';

const session = (answer: PlainAnswer) => answer.body as SessionAnswer;

describe('/api/sessions', () => {
  const world = new MemoryWorld();
  let running: Embedded;
  let urls: [string, string];
  beforeAll(async () => {
    running = await startEmbedded({ count: 2, basePort: 0, world });
    urls = running.sidecars.map(({ url }) => url) as [string, string];
  });
  afterAll(() => running.stop());
  const ask = plainRequest;
  const make = async () => session(await ask(urls[0], { path: '/api/sessions' }));

  test("a GET without anything makes a session with the spec's defaults, and a cookie", async () => {
    const answer = await ask(urls[0], {
      path: '/api/sessions',
      headers: { 'hyperpage-client-ip': '192.168.1.100', 'user-agent': 'Mozilla/5.0' },
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      success: true,
      version: 1,
      consistency: 'redis',
      session: {
        preferences: { theme: 'system', timezone: 'UTC', language: 'en', refreshInterval: 300000 },
        uiState: { expandedWidgets: [], lastVisitedTools: [], dashboardLayout: 'default' },
        toolConfigs: {},
        metadata: { ipAddress: '192.168.1.100', userAgent: 'Mozilla/5.0' },
      },
    });
    expect(answer.headers['etag']).toBe('"1"');
    expect(answer.headers['set-cookie']).toEqual([
      `${SESSION_COOKIE}=${session(answer).sessionId}; Path=/; HttpOnly; SameSite=Lax`,
    ]);
  });

  test('what was written through one pod is read through another, by id or by cookie', async () => {
    const { sessionId } = await make();
    const updates = { preferences: { theme: 'dark' }, uiState: { expandedWidgets: ['github-prs'] } };
    const written = await ask(urls[0], {
      method: 'POST',
      path: '/api/sessions',
      body: { sessionId, updates },
    });
    expect(written.status).toBe(200);
    expect(session(written).version).toBe(2);
    const byId = await ask(urls[1], { path: `/api/sessions?sessionId=${sessionId}` });
    expect(byId.body).toMatchObject({
      sessionId,
      version: 2,
      session: {
        preferences: { theme: 'dark', language: 'en' },
        uiState: { expandedWidgets: ['github-prs'] },
      },
    });
    const headers = { cookie: `other=1; ${SESSION_COOKIE}=${sessionId}` };
    const byCookie = await ask(urls[1], { path: '/api/sessions', headers });
    expect(session(byCookie).sessionId).toBe(sessionId);
    expect(byCookie.headers['set-cookie']).toBeUndefined();
  });

  test('a PATCH changes what it names and nothing else', async () => {
    const { sessionId } = await make();
    const path = `/api/sessions?sessionId=${sessionId}`;
    await ask(urls[0], { method: 'PATCH', path, body: { userId: 'u1' } });
    const answer = await ask(urls[1], { method: 'PATCH', path, body: { preferences: { language: 'de' } } });
    expect(answer.body).toMatchObject({
      version: 3,
      session: { userId: 'u1', preferences: { theme: 'system', language: 'de' } },
    });
  });

  test('a write under If-Match is done on its version only', async () => {
    const { sessionId } = await make();
    const request = {
      method: 'PATCH',
      path: `/api/sessions?sessionId=${sessionId}`,
      body: { userId: 'u1' },
      headers: { 'if-match': '"1"' },
    };
    expect((await ask(urls[0], request)).status).toBe(200);
    const late = await ask(urls[1], request);
    expect(late.status).toBe(412);
    expect(late.headers['etag']).toBe('"2"');
    expect((await ask(urls[1], { ...request, headers: { 'if-match': '*' } })).status).toBe(200);
  });

  test('a write under a term is done until a later one is known, and a term that is none is told of', async () => {
    const { sessionId } = await make();
    const path = `/api/sessions?sessionId=${sessionId}`;
    const patch = (url: string | undefined, term: string) =>
      ask(url as string, {
        method: 'PATCH',
        path,
        body: { userId: term },
        headers: { 'hyperpage-term': term },
      });
    expect((await patch(urls[0], '7')).status).toBe(200);
    expect((await patch(urls[1], '8')).status).toBe(200);
    const body = {
      code: 'term-overtaken',
      field: 'Hyperpage-Term',
      detail: expect.stringContaining('Term 8'),
    };
    expect(await patch(urls[0], '7')).toMatchObject({ status: 409, body });
    const headers = { 'hyperpage-term': '7' };
    expect(await ask(urls[0], { method: 'DELETE', path, headers })).toMatchObject({ status: 409, body });
    const create = { method: 'POST', path: '/v1/sessions', body: {}, headers };
    expect(await ask(urls[0], create)).toMatchObject({ status: 409, body });
    expect(await ask(urls[1], { path })).toMatchObject({ body: { session: { userId: '8' } } });
    for (const none of ['-1', '1.5', 'seven', '9'.repeat(16)]) {
      const wrong = { code: 'bad-request', field: 'Hyperpage-Term' };
      expect(await patch(urls[0], none)).toMatchObject({ status: 400, body: wrong });
    }
  });

  test('a deleted session is gone everywhere and cannot be brought back', async () => {
    const { sessionId } = await make();
    const path = `/api/sessions?sessionId=${sessionId}`;
    const headers = { cookie: `${SESSION_COOKIE}=${sessionId}` };
    const answer = await ask(urls[0], { method: 'DELETE', path, headers });
    expect(answer).toMatchObject({ status: 200, body: { success: true, sessionId } });
    expect(String(answer.headers['set-cookie'])).toContain('Max-Age=0');
    expect((await ask(urls[1], { path })).status).toBe(404);
    expect((await ask(urls[1], { method: 'PATCH', path, body: {} })).status).toBe(404);
    const again = await ask(urls[1], { method: 'POST', path: '/v1/sessions', body: { sessionId } });
    expect(again).toMatchObject({ status: 409, body: { code: 'session-exists' } });
  });

  test('an app may choose the id of a session it makes', async () => {
    const sessionId = 'chosen-by-the-app-0123456789';
    const body = { sessionId, updates: { preferences: { theme: 'light' } }, metadata: { userAgent: 'app' } };
    const answer = await ask(urls[0], { method: 'POST', path: '/v1/sessions', body });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      sessionId,
      session: { preferences: { theme: 'light', timezone: 'UTC' }, metadata: { userAgent: 'app' } },
    });
    expect((await ask(urls[1], { path: `/api/sessions?sessionId=${sessionId}` })).status).toBe(200);
  });

  test('check=ready tells whether sessions can be kept', async () => {
    const path = '/api/sessions?check=ready';
    expect(await ask(urls[0], { path })).toMatchObject({
      status: 200,
      body: { success: true, ready: true, consistency: 'redis' },
    });
  });
});

describe('/api/sessions without fallback while the store is gone', () => {
  test('answers 503 and makes no session', async () => {
    const world = new MemoryWorld();
    const env = { SESSION_FALLBACK_TO_MEMORY: 'false', HYPERPAGE_SECURE_COOKIE: 'true' };
    const running = await startEmbedded({ count: 1, basePort: 0, world, env });
    const url = running.sidecars[0]?.url ?? '';
    const made = await plainRequest(url, { path: '/api/sessions' });
    expect(String(made.headers['set-cookie'])).toMatch(/; Secure$/);
    world.reachable = false;
    const answer = await plainRequest(url, { path: '/api/sessions' });
    expect(answer).toMatchObject({ status: 503, body: { code: 'redis-unavailable' } });
    expect(answer.headers['retry-after']).toBe('1');
    const ready = await plainRequest(url, { path: '/api/sessions?check=ready' });
    expect(ready).toMatchObject({ status: 503, body: { code: 'not-ready' } });
    world.reachable = true;
    await running.stop();
  });
});
