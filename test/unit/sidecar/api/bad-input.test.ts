import { connect } from 'node:net';
import { serialize } from 'node:v8';
import { SESSION_COOKIE } from '@hyperpage/contract';
import { type Embedded, startEmbedded } from '../../../../sidecar/src/embedded.ts';
import { MemoryWorld } from '../../../../sidecar/src/memory-world.ts';
import { eventually } from '../../../support/eventually.ts';
import { type PlainRequest, plainRequest } from '../../../support/plain-http.ts';
import { BAD_INPUT } from './bad-input.ts';

describe('bad input gets a problem document and changes nothing', () => {
  const world = new MemoryWorld();
  let running: Embedded;
  let url: string;
  let sessionId: string;

  beforeAll(async () => {
    running = await startEmbedded({ count: 1, basePort: 0, world });
    url = running.sidecars[0]?.url ?? '';
    await eventually('the sidecar leads', async () => {
      const { body } = await plainRequest(url, { path: '/v1/leader' });
      return (body as { isLeader: boolean }).isLeader;
    });
    ({ sessionId } = (await plainRequest(url, { path: '/api/sessions' })).body as { sessionId: string });
  });
  afterAll(() => running.stop());

  const everything = async () => ({
    // As text: it holds maps, which would be compared by identity across Jest's realms.
    // A removal leaves a tombstone even where nothing was, which is no session.
    sessions: serialize([...world.sessions].filter(([, { kind }]) => kind === 'live')).toString('base64'),
    entries: [...world.logs].map(([channel, { entries }]) => [channel, entries.length]),
    leader: { ...((await plainRequest(url, { path: '/v1/leader' })).body as object), validForMs: 0 },
  });

  test.each(BAD_INPUT.map(([what, ...row]) => [what, row] as const))('%s', async (_, row) => {
    const [request, status, code, field] = row;
    const before = await everything();
    const answer = await plainRequest(url, withSession(request, sessionId));
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    const named = field === undefined ? {} : { field };
    expect(answer.body).toMatchObject({ type: `urn:hyperpage:problem:${code}`, status, code, ...named });
    expect((answer.body as { detail: string }).detail).toMatch(/^[A-Z/].{10,}\.$/s);
    expect(JSON.stringify(answer.body)).not.toMatch(/node:|\.ts|at .*\(/);
    expect(await everything()).toEqual(before);
  });

  test('a wrong method is told the right ones', async () => {
    const answer = await plainRequest(url, { method: 'PUT', path: '/api/sessions' });
    expect(answer.headers['allow']).toBe('GET, POST, PATCH, DELETE');
  });

  test('HEAD makes no session', async () => {
    const before = await everything();
    expect((await plainRequest(url, { method: 'HEAD', path: '/api/sessions' })).status).toBe(405);
    expect(await everything()).toEqual(before);
  });

  test('a body that grows over the limit without saying so is cut off', async () => {
    const head = `POST /api/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    expect(await rawRequest(url, head + chunk.repeat(20))).toMatch(/^HTTP\/1.1 413 /);
  });

  test.each([
    ['no HTTP at all', 'HELLO\r\n\r\n', 400, 'bad-request'],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nHost: localhost\r\nCookie: ${'x'.repeat(40_000)}\r\n\r\n`,
      431,
      'headers-too-large',
    ],
    ['no Host header', 'GET /v1/leader HTTP/1.1\r\nConnection: close\r\n\r\n', 403, 'forbidden-host'],
  ])('%s', async (_, text, status, code) => {
    const answer = await rawRequest(url, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain(`"code":"${code}"`);
  });

  test('a cookie of a session that is none gives a new session under a new id', async () => {
    const planted = 'p'.repeat(24);
    const answer = await plainRequest(url, {
      path: '/api/sessions',
      headers: { cookie: `${SESSION_COOKIE}=${planted}` },
    });
    expect(answer.status).toBe(200);
    expect((answer.body as { sessionId: string }).sessionId).not.toBe(planted);
  });
});

const withSession = (request: PlainRequest, sessionId: string): PlainRequest => {
  const { body } = request;
  const filled =
    typeof body === 'string' ? body.replace('"ID"', `"${sessionId}"`) : replaceId(body, sessionId);
  return { ...request, path: request.path.replace('=ID', `=${sessionId}`), body: filled };
};

const replaceId = (body: unknown, sessionId: string): unknown =>
  typeof body === 'object' && body !== null && 'sessionId' in body && body.sessionId === 'ID'
    ? { ...body, sessionId }
    : body;

const rawRequest = (url: string, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.once('close', () => resolve(answer));
    // The server hangs up on what it will not read: what it said before counts.
    socket.once('error', () => (answer === '' ? reject(new Error('hung up without an answer')) : undefined));
    socket.write(text);
  });
