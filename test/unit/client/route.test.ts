import { createHyperpageRoute, hyperpageRoute } from '@hyperpage/client/route';
import { GET as health } from '../../../examples/nextjs-route/app/api/health/route.ts';
import * as example from '../../../examples/nextjs-route/app/api/sessions/route.ts';
import { startEmbedded } from '../../../sidecar/src/embedded.ts';
import { type FakeSidecar, json, startFakeSidecar } from './fake-sidecar.ts';

const SITE = 'https://shop.example';
const ask = (path: string, init: RequestInit = {}) => new Request(`${SITE}${path}`, init);
const withBody = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

describe('the Next.js example, on a real sidecar', () => {
  const before = process.env['HYPERPAGE_URL'];
  let embedded: Awaited<ReturnType<typeof startEmbedded>>;
  beforeAll(async () => {
    embedded = await startEmbedded({ count: 1, basePort: 0 });
    process.env['HYPERPAGE_URL'] = embedded.sidecars[0]?.url ?? '';
  });
  afterAll(async () => {
    if (before === undefined) delete process.env['HYPERPAGE_URL'];
    else process.env['HYPERPAGE_URL'] = before;
    await embedded.stop();
  });

  test('serves the spec’s session endpoints to a browser', async () => {
    const headers = { 'user-agent': 'Mozilla/5.0 test', 'x-forwarded-for': '6.6.6.6, 203.0.113.7' };
    const made = await example.GET(ask('/api/sessions', { headers }));
    expect(made.status).toBe(200);
    const { sessionId, session } = await made.json();
    expect(session.metadata).toMatchObject({ ipAddress: '203.0.113.7', userAgent: 'Mozilla/5.0 test' });
    expect(made.headers.get('cache-control')).toBe('no-store');
    const cookie = made.headers.getSetCookie()[0] ?? '';
    expect(cookie).toMatch(/^hyperpage_session=.*HttpOnly/);

    const updates = { preferences: { theme: 'dark' } };
    const posted = await example.POST(ask('/api/sessions', withBody('POST', { sessionId, updates })));
    expect(posted.headers.get('etag')).toBe('"2"');
    const query = `?sessionId=${sessionId}`;
    const patch = withBody('PATCH', { userId: 'ü1' });
    expect((await example.PATCH(ask(`/api/sessions${query}`, patch))).status).toBe(200);
    const again = await example.GET(
      ask('/api/sessions', { headers: { cookie: `other=secret; ${cookie.split(';')[0]}` } }),
    );
    expect(await again.json()).toMatchObject({
      sessionId,
      session: { userId: 'ü1', preferences: { theme: 'dark' } },
    });
    expect((await example.DELETE(ask(`/api/sessions${query}`, { method: 'DELETE' }))).status).toBe(200);
    expect((await example.GET(ask(`/api/sessions${query}`))).status).toBe(404);
  });

  test('answers the readiness and the liveness probe', async () => {
    const ready = await example.GET(ask('/api/sessions?check=ready'));
    expect([ready.status, (await ready.json()).ready]).toEqual([200, true]);
    const alive = await health(ask('/api/health'));
    expect([alive.status, await alive.json()]).toEqual([200, { status: 'ok' }]);
  });

  test('works below a base path, and answers 404 elsewhere', async () => {
    expect((await hyperpageRoute(ask('/shop/api/sessions?check=ready'))).status).toBe(200);
    for (const path of ['/', '/api/session', '/api/sessions/x', '/v1/sessions/import']) {
      const answer = await hyperpageRoute(ask(path));
      expect([answer.status, (await answer.json()).code]).toEqual([404, 'not-found']);
    }
  });
});

describe('the Web route, between a client and its sidecar', () => {
  let fake: FakeSidecar;
  beforeEach(async () => {
    fake = await startFakeSidecar();
    fake.answer = (_request, response) => json(response, 200, {});
  });
  afterEach(() => fake.stop());
  const asked = () => fake.received.at(-1);

  test('passes on the session’s cookie and nothing else of the client’s', async () => {
    const headers = { cookie: 'a=1; hyperpage_session=s1', authorization: 'Bearer x' };
    await createHyperpageRoute({ url: fake.url })(ask('/api/sessions', { headers }));
    expect(asked()?.headers).toMatchObject({ cookie: 'hyperpage_session=s1' });
    expect(asked()?.headers.authorization).toBeUndefined();
  });

  test('names no address that nobody vouches for', async () => {
    const headers = { 'x-forwarded-for': '6.6.6.6', 'hyperpage-client-ip': '6.6.6.6' };
    await createHyperpageRoute({ url: fake.url })(ask('/api/sessions', { headers }));
    expect(asked()?.headers['hyperpage-client-ip']).toBeUndefined();
    const clientAddress = () => '::ffff:203.0.113.7';
    await createHyperpageRoute({ url: fake.url, clientAddress })(ask('/api/sessions', { headers }));
    expect(asked()?.headers['hyperpage-client-ip']).toBe('203.0.113.7');
  });

  test('hands on several cookies, and an answer without a body', async () => {
    const route = createHyperpageRoute({ url: fake.url });
    fake.answer = (_request, response) => {
      response.setHeader('set-cookie', ['hyperpage_session=; Max-Age=0', 'second=1']);
      response.writeHead(204).end();
    };
    const answer = await route(ask('/api/sessions?sessionId=x', { method: 'DELETE' }));
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([
      204,
      ['hyperpage_session=; Max-Age=0', 'second=1'],
    ]);
  });

  test('refuses a body over its limit without passing it on', async () => {
    const route = createHyperpageRoute({ url: fake.url, limitBytes: 100 });
    const answer = await route(ask('/api/sessions', withBody('POST', { text: 'x'.repeat(200) })));
    expect([answer.status, (await answer.json()).code]).toEqual([413, 'body-too-large']);
    expect(fake.received).toEqual([]);
  });

  test('says 503 with a problem document when the sidecar is away', async () => {
    await fake.stop();
    const answer = await createHyperpageRoute({ url: fake.url })(ask('/api/sessions'));
    expect([answer.status, answer.headers.get('content-type')]).toEqual([503, 'application/problem+json']);
    expect(await answer.json()).toMatchObject({ code: 'sidecar-unreachable' });
  });
});
