import { connect } from 'node:net';
import { serialize } from 'node:v8';
import { SESSION_COOKIE } from '@hyperpage/contract';
import { type Embedded, startEmbedded } from '../../../../sidecar/src/embedded.ts';
import { MemoryWorld } from '../../../../sidecar/src/memory-world.ts';
import { eventually } from '../../../support/eventually.ts';
import { type PlainRequest, plainRequest } from '../../../support/plain-http.ts';

/** What somebody sends, the status and code of the answer, and the field it names. `ID` is a session that exists. */
type Row = [what: string, request: PlainRequest, status: number, code: string, field?: string];

const json = { 'content-type': 'application/json' };
const post = (path: string, body: unknown, headers = {}): PlainRequest => ({
  method: 'POST',
  path,
  body,
  headers,
});
const update = (updates: unknown) => post('/api/sessions', { sessionId: 'ID', updates });
const message = (body: unknown) => post('/v1/messages', body);

const ROWS: Row[] = [
  ['a path that is none', { path: '/nope' }, 404, 'not-found'],
  ['a path in capitals', { path: '/V1/leader' }, 404, 'not-found'],
  ['a path with a slash too many', { path: '/v1/leader/' }, 404, 'not-found'],
  ['a path that climbs', { path: '/v1/../v1/leader' }, 404, 'not-found'],
  ['a path with a broken escape', { path: '/%zz' }, 404, 'not-found'],
  ['a method that is not for the path', { method: 'PUT', path: '/v1/leader' }, 405, 'method-not-allowed'],
  [
    'a method that is not for a hot path',
    { method: 'PUT', path: '/api/sessions' },
    405,
    'method-not-allowed',
  ],
  ['OPTIONS from a web page', { method: 'OPTIONS', path: '/api/sessions' }, 405, 'method-not-allowed'],
  ['a foreign host name', { path: '/v1/leader', headers: { host: 'evil.example' } }, 403, 'forbidden-host'],
  [
    'a host name that looks local',
    { path: '/v1/leader', headers: { host: 'localhost.evil.example' } },
    403,
    'forbidden-host',
  ],
  [
    'a foreign host on a hot path',
    { path: '/api/sessions', headers: { host: '10.0.0.1:7070' } },
    403,
    'forbidden-host',
  ],
  ['a query parameter that is none', { path: '/v1/leader?x=1' }, 400, 'invalid-query', 'x'],
  [
    'a query parameter twice',
    { path: '/api/sessions?sessionId=a&sessionId=b' },
    400,
    'invalid-query',
    'sessionId',
  ],
  ['an empty session id', { path: '/api/sessions?sessionId=' }, 400, 'invalid-query', 'sessionId'],
  [
    'a session id that is too long',
    { path: `/api/sessions?sessionId=${'a'.repeat(129)}` },
    400,
    'invalid-query',
    'sessionId',
  ],
  ['a session that is none', { path: '/api/sessions?sessionId=none' }, 404, 'session-not-found', 'sessionId'],
  ['a check that is none', { path: '/api/sessions?check=live' }, 400, 'invalid-query', 'check'],
  [
    'a check of one session',
    { path: '/api/sessions?check=ready&sessionId=ID' },
    400,
    'invalid-query',
    'check',
  ],
  [
    'a client address that is none',
    { path: '/api/sessions', headers: { 'hyperpage-client-ip': 'me' } },
    400,
    'bad-request',
    'Hyperpage-Client-Ip',
  ],
  ['no content type', post('/api/sessions', '{}'), 415, 'unsupported-media-type'],
  [
    'a form',
    post('/api/sessions', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }),
    415,
    'unsupported-media-type',
  ],
  [
    'another charset',
    post('/api/sessions', '{}', { 'content-type': 'application/json; charset=latin1' }),
    415,
    'unsupported-media-type',
  ],
  [
    'a compressed body',
    post('/api/sessions', '{}', { ...json, 'content-encoding': 'gzip' }),
    415,
    'unsupported-media-type',
  ],
  ['an empty body', post('/api/sessions', '', json), 400, 'bad-request'],
  ['half a JSON', post('/api/sessions', '{"sessionId":', json), 400, 'bad-request'],
  ['no JSON at all', post('/v1/messages', 'hello', json), 400, 'bad-request'],
  [
    'a body that is not UTF-8',
    post('/api/sessions', Buffer.from([0x22, 0xff, 0x22]), json),
    400,
    'bad-request',
  ],
  ['a JSON that is no object', post('/api/sessions', '[]', json), 400, 'invalid-body', ''],
  ['null', post('/v1/sessions', 'null', json), 400, 'invalid-body', ''],
  ['a body too large by its length', post('/api/sessions', 'x'.repeat(600_000), json), 413, 'body-too-large'],
  ['an update without a session', post('/api/sessions', { updates: {} }), 400, 'invalid-body', '/sessionId'],
  [
    'an update with a field too many',
    post('/api/sessions', { sessionId: 'ID', updates: {}, x: 1 }),
    400,
    'invalid-body',
    '/x',
  ],
  [
    'an update of a session that is none',
    post('/api/sessions', { sessionId: 'none', updates: {} }),
    404,
    'session-not-found',
    'sessionId',
  ],
  [
    'a theme that is none',
    update({ preferences: { theme: 'pink' } }),
    400,
    'invalid-body',
    '/updates/preferences/theme',
  ],
  [
    'a number in place of a text',
    update({ preferences: { timezone: 3 } }),
    400,
    'invalid-body',
    '/updates/preferences/timezone',
  ],
  ['null in place of a text', update({ userId: null }), 400, 'invalid-body', '/updates/userId'],
  [
    "the server's own fields",
    update({ lastActivity: '2030-01-01T00:00:00Z' }),
    400,
    'invalid-body',
    '/updates/lastActivity',
  ],
  [
    'a date that is none',
    update({ toolConfigs: { git: { lastUsed: 'yesterday' } } }),
    400,
    'invalid-body',
    '/updates/toolConfigs/git/lastUsed',
  ],
  [
    'a refresh interval below nothing',
    update({ preferences: { refreshInterval: -1 } }),
    400,
    'invalid-body',
    '/updates/preferences/refreshInterval',
  ],
  [
    'a key that changes prototypes',
    post(
      '/api/sessions',
      '{"sessionId":"ID","updates":{"toolConfigs":{"__proto__":{"enabled":true}}}}',
      json,
    ),
    400,
    'invalid-body',
    '/updates/toolConfigs/__proto__',
  ],
  [
    'another such key, deeper',
    update({ uiState: { filterSettings: { a: { constructor: 1 } } } }),
    400,
    'invalid-body',
    '/updates/uiState/filterSettings/a/constructor',
  ],
  [
    'a nesting without end',
    post(
      '/api/sessions',
      `{"sessionId":"ID","updates":{"uiState":{"filterSettings":{"a":${'['.repeat(5000)}${']'.repeat(5000)}}}}}`,
      json,
    ),
    400,
    'invalid-body',
  ],
  ['an ETag that is none', { ...update({}), headers: { 'if-match': 'abc' } }, 400, 'bad-request', 'If-Match'],
  [
    'a version that is past',
    { ...update({ userId: 'x' }), headers: { 'if-match': '"99"' } },
    412,
    'version-conflict',
    'If-Match',
  ],
  [
    'a patch that names no session',
    { method: 'PATCH', path: '/api/sessions', body: {} },
    400,
    'invalid-query',
    'sessionId',
  ],
  [
    'a patch of a field that is none',
    { method: 'PATCH', path: '/api/sessions?sessionId=ID', body: { x: 1 } },
    400,
    'invalid-body',
    '/x',
  ],
  [
    'a removal that names no session',
    { method: 'DELETE', path: '/api/sessions' },
    400,
    'invalid-query',
    'sessionId',
  ],
  [
    'a removal of a session that is none',
    { method: 'DELETE', path: '/api/sessions?sessionId=none' },
    404,
    'session-not-found',
    'sessionId',
  ],
  [
    'a removal with a condition',
    { method: 'DELETE', path: '/api/sessions?sessionId=ID', headers: { 'if-match': '"1"' } },
    400,
    'bad-request',
    'If-Match',
  ],
  [
    'a session id that is easy to guess',
    post('/v1/sessions', { sessionId: 'short' }),
    400,
    'invalid-body',
    '/sessionId',
  ],
  [
    'metadata that is none',
    post('/v1/sessions', { metadata: { created: 'now' } }),
    400,
    'invalid-body',
    '/metadata/created',
  ],
  ['a message without a payload', message({ type: 'broadcast' }), 400, 'invalid-body', '/payload'],
  ['a message without a type', message({ payload: 1 }), 400, 'invalid-body', '/type'],
  ['a type in capitals', message({ type: 'Broadcast', payload: 1 }), 400, 'invalid-body', '/type'],
  ["the sidecar's own type", message({ type: 'election', payload: {} }), 400, 'invalid-body', '/type'],
  [
    'a priority that is none',
    message({ type: 'broadcast', payload: 1, priority: 'urgent' }),
    400,
    'invalid-body',
    '/priority',
  ],
  [
    'a receiver that is no name',
    message({ type: 'broadcast', payload: 1, to: 'A B' }),
    400,
    'invalid-body',
    '/to',
  ],
  [
    'a receiver that is nobody',
    message({ type: 'broadcast', payload: 1, to: 'nobody' }),
    404,
    'member-not-found',
    '/to',
  ],
  [
    'a field from a later version',
    message({ type: 'broadcast', payload: 1, confidential: true }),
    400,
    'invalid-body',
    '/confidential',
  ],
  [
    'a payload too large',
    message({ type: 'broadcast', payload: 'x'.repeat(300_000) }),
    413,
    'body-too-large',
    '/payload',
  ],
  ['a term that is none', post('/v1/leader/check', { term: -1 }), 400, 'invalid-body', '/term'],
  ['a term that is a text', post('/v1/leader/check', { term: '1' }), 400, 'invalid-body', '/term'],
];

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

  test.each(ROWS.map(([what, ...row]) => [what, row] as const))('%s', async (_, row) => {
    const [request, status, code, field] = row;
    const before = await everything();
    const answer = await plainRequest(url, withSession(request, sessionId));
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    const named = field === undefined ? {} : { field };
    expect(answer.body).toMatchObject({ type: `urn:hyperpage:problem:${code}`, status, code, ...named });
    expect((answer.body as { detail: string }).detail).toMatch(/^[A-Z/].{10,}\.$/);
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
