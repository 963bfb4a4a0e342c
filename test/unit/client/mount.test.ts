import { createServer, type Server } from 'node:http';
import { hyperpage, hyperpageHandler, type MountOptions } from '@hyperpage/client/express';
import { close, listen } from '@hyperpage/runtime';
import express from 'express';
import { startEmbedded } from '../../../sidecar/src/embedded.ts';
import { type FakeSidecar, json, problem, startFakeSidecar } from './fake-sidecar.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await close(server, 0);
});

const serve = async (server: Server): Promise<string> => {
  servers.push(server);
  return `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`;
};

/** An Express app with the mount, and with a body parser in front of it on request. */
function expressApp(options: MountOptions, before: express.RequestHandler[] = []): Promise<string> {
  const app = express();
  for (const handler of before) app.use(handler);
  app.use(hyperpage(options));
  app.use((_request, response) => void response.status(404).send('the app’s own'));
  return serve(createServer(app));
}

const post = (body: unknown) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

describe('the Express mount, on a real sidecar', () => {
  let embedded: Awaited<ReturnType<typeof startEmbedded>>;
  let url: string;
  beforeAll(async () => {
    embedded = await startEmbedded({ count: 1, basePort: 0 });
    url = embedded.sidecars[0]?.url ?? '';
  });
  afterAll(() => embedded.stop());

  test('serves the spec’s session endpoints to a browser', async () => {
    const app = await expressApp({ url });
    const made = await fetch(`${app}/api/sessions`, { headers: { 'user-agent': 'Mozilla/5.0 test' } });
    expect(made.status).toBe(200);
    const { success, sessionId, session } = await made.json();
    expect(success).toBe(true);
    expect(session.metadata).toMatchObject({ ipAddress: '127.0.0.1', userAgent: 'Mozilla/5.0 test' });
    expect(made.headers.get('etag')).toBe('"1"');
    expect(made.headers.get('cache-control')).toBe('no-store');
    const cookie = made.headers.getSetCookie()[0] ?? '';
    expect(cookie).toMatch(/^hyperpage_session=.*HttpOnly/);

    const updates = { preferences: { theme: 'dark' } };
    expect((await fetch(`${app}/api/sessions`, post({ sessionId, updates }))).status).toBe(200);
    const headers = { cookie: `other=secret; ${cookie.split(';')[0]}` };
    const again = await (await fetch(`${app}/api/sessions`, { headers })).json();
    expect(again).toMatchObject({ sessionId, version: 2, session: { preferences: { theme: 'dark' } } });

    const query = `?sessionId=${sessionId}`;
    const patch = { ...post({ uiState: { dashboardLayout: 'wide' } }), method: 'PATCH' };
    expect((await fetch(`${app}/api/sessions${query}`, patch)).status).toBe(200);
    expect((await fetch(`${app}/api/sessions${query}`, { method: 'DELETE' })).status).toBe(200);
    const gone = await fetch(`${app}/api/sessions${query}`);
    expect(gone.status).toBe(404);
    expect(gone.headers.get('content-type')).toContain('application/problem+json');
  });

  test('works behind a body parser too', async () => {
    const app = await expressApp({ url }, [express.json()]);
    const { sessionId } = await (await fetch(`${app}/api/sessions`)).json();
    const updated = await fetch(`${app}/api/sessions`, post({ sessionId, updates: { userId: 'ü1' } }));
    expect((await updated.json()).session.userId).toBe('ü1');
  });

  test('answers the readiness and the liveness probe', async () => {
    const app = await expressApp({ url });
    const ready = await fetch(`${app}/api/sessions?check=ready`);
    expect([ready.status, (await ready.json()).ready]).toEqual([200, true]);
    const health = await fetch(`${app}/api/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
    expect((await fetch(`${app}/api/health`, { method: 'POST' })).status).toBe(405);
  });

  test('leaves every other path to the app', async () => {
    const app = await expressApp({ url });
    for (const path of ['/', '/api/session', '/api/sessions/x', '/api/healthy', '/v1/sessions/import'])
      expect(await (await fetch(`${app}${path}`)).text()).toBe('the app’s own');
  });

  test('works in a plain server', async () => {
    const handler = hyperpageHandler({ url });
    const app = await serve(
      createServer((request, response) => {
        void handler(request, response).then((answered) => answered || response.writeHead(404).end());
      }),
    );
    expect((await fetch(`${app}/api/sessions`)).status).toBe(200);
    expect((await fetch(`${app}/elsewhere`)).status).toBe(404);
  });
});

describe('the Express mount, between a client and its sidecar', () => {
  let fake: FakeSidecar;
  beforeEach(async () => {
    fake = await startFakeSidecar();
    fake.answer = (_request, response) => json(response, 200, {});
  });
  afterEach(() => fake.stop());
  const asked = () => fake.received.at(-1);

  test('passes on the session’s cookie and no other', async () => {
    const app = await expressApp({ url: fake.url });
    await fetch(`${app}/api/sessions`, { headers: { cookie: 'a=1; hyperpage_session=s%201; b=2' } });
    expect(asked()?.headers.cookie).toBe('hyperpage_session=s%201');
    await fetch(`${app}/api/sessions`, { headers: { cookie: 'a=1', authorization: 'Bearer x' } });
    expect(asked()?.headers.cookie).toBeUndefined();
    expect(asked()?.headers.authorization).toBeUndefined();
  });

  test('believes no X-Forwarded-For and no client address that a client sends', async () => {
    const app = await expressApp({ url: fake.url });
    const headers = { 'x-forwarded-for': '10.0.0.1', 'hyperpage-client-ip': '10.0.0.2' };
    await fetch(`${app}/api/sessions`, { headers });
    expect(asked()?.headers['hyperpage-client-ip']).toBe('127.0.0.1');
  });

  test('believes as many proxies as it was told, counted from the right', async () => {
    const app = await expressApp({ url: fake.url, trustedProxies: 2 });
    const ask = (forwarded: string) =>
      fetch(`${app}/api/sessions`, { headers: { 'x-forwarded-for': forwarded } });
    await ask('6.6.6.6, 203.0.113.7, 10.0.0.9');
    expect(asked()?.headers['hyperpage-client-ip']).toBe('203.0.113.7');
    await ask('10.0.0.9');
    expect(asked()?.headers['hyperpage-client-ip']).toBe('127.0.0.1');
  });

  test.each([
    ['203.0.113.7:5678', '203.0.113.7'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
  ])('understands how a proxy writes %s', async (forwarded, address) => {
    const app = await expressApp({ url: fake.url, trustedProxies: 1 });
    await fetch(`${app}/api/sessions`, { headers: { 'x-forwarded-for': forwarded } });
    expect(asked()?.headers['hyperpage-client-ip']).toBe(address);
  });

  test('follows Express’s own trust proxy setting', async () => {
    const app = express();
    app.set('trust proxy', true);
    app.use(hyperpage({ url: fake.url }));
    const server = await serve(createServer(app));
    await fetch(`${server}/api/sessions`, { headers: { 'x-forwarded-for': '203.0.113.7' } });
    expect(asked()?.headers['hyperpage-client-ip']).toBe('203.0.113.7');
  });

  test('hands status, problem and headers back as they are', async () => {
    fake.answer = (_request, response) => {
      response.setHeader('retry-after', '3');
      response.setHeader('set-cookie', ['hyperpage_session=; Max-Age=0', 'second=1']);
      problem(response, 503, 'redis-unavailable', 'try again');
    };
    const app = await expressApp({ url: fake.url });
    const answer = await fetch(`${app}/api/sessions`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('3');
    expect(answer.headers.getSetCookie()).toHaveLength(2);
    expect(await answer.json()).toMatchObject({ code: 'redis-unavailable', detail: 'try again' });
  });

  test('says 503 with a problem document when the sidecar is away, and stays alive itself', async () => {
    await fake.stop();
    const app = await expressApp({ url: fake.url });
    const answer = await fetch(`${app}/api/sessions?check=ready`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({
      type: 'urn:hyperpage:problem:sidecar-unreachable',
      status: 503,
      detail: expect.stringContaining('HYPERPAGE_URL'),
    });
    expect((await fetch(`${app}/api/health`)).status).toBe(200);
  });

  test('says 503 when the sidecar does not answer in time', async () => {
    fake.answer = () => {};
    const app = await expressApp({ url: fake.url, timeoutMs: 50 });
    expect((await fetch(`${app}/api/sessions`)).status).toBe(503);
  });

  test('refuses a body over its limit without passing it on', async () => {
    const app = await expressApp({ url: fake.url, limitBytes: 100 });
    const answer = await fetch(`${app}/api/sessions`, post({ text: 'x'.repeat(200) }));
    expect([answer.status, (await answer.json()).code]).toEqual([413, 'body-too-large']);
    expect(fake.received).toEqual([]);
  });

  test('passes malformed JSON on for the sidecar to judge, byte for byte', async () => {
    const app = await expressApp({ url: fake.url });
    await fetch(`${app}/api/sessions`, { ...post({}), body: '{"a":' });
    expect(asked()).toMatchObject({ method: 'POST', url: '/api/sessions', body: '{"a":' });
  });
});
