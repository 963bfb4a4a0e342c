import type { SessionAnswer, SessionImportAnswer, SessionImportResult } from '@hyperpage/contract';
import { type Embedded, startEmbedded } from '../../../../sidecar/src/embedded.ts';
import { MemoryWorld } from '../../../../sidecar/src/memory-world.ts';
import { plainRequest } from '../../../support/plain-http.ts';

describe('POST /v1/sessions/import', () => {
  const world = new MemoryWorld();
  let running: Embedded;
  let url: string;
  beforeAll(async () => {
    running = await startEmbedded({ count: 1, basePort: 0, world });
    url = running.sidecars[0]?.url ?? '';
  });
  afterAll(() => running.stop());

  const post = (body: unknown) => plainRequest(url, { method: 'POST', path: '/v1/sessions/import', body });
  const importOf = async (...sessions: unknown[]): Promise<SessionImportResult[]> => {
    const answer = await post({ sessions });
    expect(answer.status).toBe(200);
    return (answer.body as SessionImportAnswer).results;
  };
  const read = (sessionId: string) => plainRequest(url, { path: `/api/sessions?sessionId=${sessionId}` });

  test("takes over the spec's example under its own short id, and keeps when it was made", async () => {
    const session = {
      preferences: { theme: 'dark', timezone: 'UTC', language: 'en', refreshInterval: 300000 },
      uiState: { expandedWidgets: ['github-prs'], lastVisitedTools: [], dashboardLayout: 'default' },
      toolConfigs: { github: { enabled: true, settings: {}, lastUsed: '2025-10-29T12:00:00.000Z' } },
      lastActivity: '2025-10-29T12:00:00.000Z',
      metadata: {
        ipAddress: '192.168.1.100',
        userAgent: 'Mozilla/5.0...',
        created: '2025-10-29T12:00:00.000Z',
        updated: '2025-10-29T12:00:00.000Z',
      },
    };
    const entry = { sessionId: 'abc123-def456', session };
    const beforeMs = Date.now();
    expect(await importOf(entry)).toEqual([{ sessionId: 'abc123-def456', status: 'created' }]);
    const { session: stored } = (await read('abc123-def456')).body as SessionAnswer;
    expect(stored).toMatchObject({
      preferences: session.preferences,
      uiState: { ...session.uiState, filterSettings: {} },
      toolConfigs: session.toolConfigs,
      metadata: { ...session.metadata, updated: stored.metadata.updated },
    });
    expect(Date.parse(stored.metadata.updated)).toBeGreaterThanOrEqual(beforeMs);
  });

  test('is done again without harm: what is there, changed since or deleted, stays as it is', async () => {
    const entries = ['kept', 'deleted'].map((sessionId) => ({ sessionId, session: { userId: 'old' } }));
    await importOf(...entries);
    const patch = { method: 'PATCH', path: '/api/sessions?sessionId=kept', body: { userId: 'new' } };
    await plainRequest(url, patch);
    await plainRequest(url, { method: 'DELETE', path: '/api/sessions?sessionId=deleted' });
    expect((await importOf(...entries)).map(({ status }) => status)).toEqual(['exists', 'exists']);
    expect((await read('kept')).body).toMatchObject({ session: { userId: 'new' }, version: 2 });
    expect((await read('deleted')).status).toBe(404);
  });

  test('names what is wrong with each bad entry and takes the good ones', async () => {
    const bad: Array<[entry: unknown, field: string]> = [
      ['no object', ''],
      [{ session: {} }, '/sessionId'],
      [{ sessionId: 'a b', session: {} }, '/sessionId'],
      [{ sessionId: 'x'.repeat(129), session: {} }, '/sessionId'],
      [{ sessionId: 'i1' }, '/session'],
      [{ sessionId: 'i2', session: { colour: 'red' } }, '/session/colour'],
      [{ sessionId: 'i3', session: { preferences: { theme: 'pink' } } }, '/session/preferences/theme'],
      [{ sessionId: 'i4', session: { metadata: { created: 'once' } } }, '/session/metadata/created'],
      [
        { sessionId: 'i5', session: { toolConfigs: { constructor: {} } } },
        '/session/toolConfigs/constructor',
      ],
      [
        { sessionId: 'i6', session: { uiState: { filterSettings: { big: 'x'.repeat(70_000) } } } },
        '/session',
      ],
    ];
    const results = await importOf(...bad.map(([entry]) => entry), { sessionId: 'good', session: {} });
    expect(results.map(({ status, field }) => [status, field])).toEqual([
      ...bad.map(([, field]) => ['invalid', field]),
      ['created', undefined],
    ]);
    for (const { detail } of results.slice(0, -1)) expect(detail).toMatch(/^[A-Z/].{10,}\.$/);
    expect(results[2]).toMatchObject({ sessionId: 'a b' });
  });

  test('lets no clock that ran ahead make a session in the future', async () => {
    await importOf({ sessionId: 'ahead', session: { metadata: { created: '2999-01-01T00:00:00Z' } } });
    const { session } = (await read('ahead')).body as SessionAnswer;
    expect(Date.parse(session.metadata.created)).toBeLessThanOrEqual(Date.now());
  });

  test('writes nothing in a dry run', async () => {
    const sessions = [
      { sessionId: 'dry', session: {} },
      { sessionId: 'dry', session: { x: 1 } },
      { sessionId: 'large', session: { uiState: { filterSettings: { big: 'x'.repeat(70_000) } } } },
    ];
    const answer = await post({ sessions, dryRun: true });
    expect((answer.body as SessionImportAnswer).results).toMatchObject([
      { sessionId: 'dry', status: 'valid' },
      { sessionId: 'dry', status: 'invalid', field: '/session/x' },
      { sessionId: 'large', status: 'invalid', field: '/session' },
    ]);
    expect(world.sessions.has('dry')).toBe(false);
  });

  test.each([
    ['none', []],
    ['more than a hundred', Array.from({ length: 101 }, () => ({ sessionId: 'many', session: {} }))],
  ])('refuses %s at once', async (_, sessions) => {
    expect(await post({ sessions })).toMatchObject({ status: 400, body: { field: '/sessions' } });
  });

  test('waits for Redis: the memory that stands in for it is for users at work', async () => {
    world.reachable = false;
    const sessions = [{ sessionId: 'later', session: {} }];
    const away = await post({ sessions });
    expect(away).toMatchObject({ status: 503, body: { code: 'redis-unavailable' } });
    expect(away.headers['retry-after']).toBe('1');
    expect((await post({ sessions, dryRun: true })).status).toBe(200);
    world.reachable = true;
    expect((await importOf(...sessions)).map(({ status }) => status)).toEqual(['created']);
  });
});
