import { SESSION_COOKIE, type SessionAnswer } from '@hyperpage/contract';
import { type Embedded, startEmbedded } from '../../../../sidecar/src/embedded.ts';
import { type PlainRequest, plainRequest } from '../../../support/plain-http.ts';

const HOME = '203.0.113.7';
const AWAY = '198.51.100.9';

describe('with SESSION_BIND_IP', () => {
  let running: Embedded;
  let url: string;
  beforeAll(async () => {
    running = await startEmbedded({ count: 1, basePort: 0, env: { SESSION_BIND_IP: 'true' } });
    url = running.sidecars[0]?.url ?? '';
  });
  afterAll(() => running.stop());

  const from = (address: string, request: PlainRequest) =>
    plainRequest(url, { ...request, headers: { ...request.headers, 'hyperpage-client-ip': address } });
  const makeFor = async (address: string) =>
    ((await from(address, { path: '/api/sessions' })).body as SessionAnswer).sessionId;
  const requests = (sessionId: string): PlainRequest[] => [
    { path: `/api/sessions?sessionId=${sessionId}` },
    { method: 'POST', path: '/api/sessions', body: { sessionId, updates: { userId: 'u' } } },
    { method: 'PATCH', path: `/api/sessions?sessionId=${sessionId}`, body: { userId: 'u' } },
    { method: 'DELETE', path: `/api/sessions?sessionId=${sessionId}` },
  ];

  test('a session is read, written and removed from its own address only', async () => {
    const sessionId = await makeFor(HOME);
    for (const request of requests(sessionId)) {
      const answer = await from(AWAY, request);
      expect(answer).toMatchObject({ status: 403, body: { code: 'session-bound', field: 'sessionId' } });
    }
    const read = await plainRequest(url, { path: `/api/sessions?sessionId=${sessionId}` });
    expect(read.body).toMatchObject({ version: 1 });
    for (const request of requests(sessionId)) expect((await from(HOME, request)).status).toBe(200);
  });

  test('a cookie from another address gets a new session, and the old one stays', async () => {
    const sessionId = await makeFor(HOME);
    const withCookie = { path: '/api/sessions', headers: { cookie: `${SESSION_COOKIE}=${sessionId}` } };
    const answer = await from(AWAY, withCookie);
    const fresh = (answer.body as SessionAnswer).sessionId;
    expect(fresh).not.toBe(sessionId);
    expect(String(answer.headers['set-cookie'])).toContain(`${SESSION_COOKIE}=${fresh};`);
    expect((await from(HOME, withCookie)).body).toMatchObject({ sessionId });
  });

  test('the app itself, which names no address, may do all', async () => {
    const sessionId = await makeFor(HOME);
    for (const request of requests(sessionId)) expect((await plainRequest(url, request)).status).toBe(200);
  });

  test.each([
    ['::ffff:203.0.113.7', HOME],
    ['2001:DB8:0:0::1', '2001:db8::1'],
  ])('%s is the same address as %s', async (written, address) => {
    const sessionId = await makeFor(written);
    const answer = await from(address, { path: `/api/sessions?sessionId=${sessionId}` });
    expect(answer.status).toBe(200);
  });

  test('a session that the app made without an address is bound to none', async () => {
    const made = await plainRequest(url, { method: 'POST', path: '/v1/sessions', body: {} });
    const { sessionId } = made.body as SessionAnswer;
    expect((await from(AWAY, { path: `/api/sessions?sessionId=${sessionId}` })).status).toBe(200);
  });

  test('an address that is none is refused before anything is written', async () => {
    const sessionId = await makeFor(HOME);
    for (const request of requests(sessionId))
      expect(await from('me', request)).toMatchObject({
        status: 400,
        body: { field: 'Hyperpage-Client-Ip' },
      });
  });
});

test('by default a session is used from anywhere', async () => {
  const running = await startEmbedded({ count: 1, basePort: 0 });
  const url = running.sidecars[0]?.url ?? '';
  const headers = { 'hyperpage-client-ip': HOME };
  const { sessionId } = (await plainRequest(url, { path: '/api/sessions', headers })).body as SessionAnswer;
  const path = `/api/sessions?sessionId=${sessionId}`;
  expect((await plainRequest(url, { path, headers: { 'hyperpage-client-ip': AWAY } })).status).toBe(200);
  await running.stop();
});
