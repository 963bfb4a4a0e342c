import { HyperpageError, SessionManager } from '@hyperpage/client';
import { startEmbedded } from '../../../sidecar/src/embedded.ts';
import { type FakeSidecar, problem, startFakeSidecar } from './fake-sidecar.ts';

describe('SessionManager, on real sidecars', () => {
  let embedded: Awaited<ReturnType<typeof startEmbedded>>;
  let first: SessionManager;
  let second: SessionManager;

  beforeAll(async () => {
    embedded = await startEmbedded({ count: 2, basePort: 0 });
    [first, second] = embedded.sidecars.map(({ url }) => new SessionManager({ url })) as [
      SessionManager,
      SessionManager,
    ];
  });
  afterAll(() => embedded.stop());

  test('gives a new session at once, and another pod reads it', async () => {
    const created = first.createSession({
      updates: { preferences: { theme: 'dark' } },
      metadata: { userAgent: 'test' },
    });
    expect(created.sessionId).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(created.preferences).toMatchObject({ theme: 'dark', language: 'en' });
    expect(created.metadata.created).toBeInstanceOf(Date);
    const snapshot = await created.saved;
    expect(snapshot).toMatchObject({ sessionId: created.sessionId, version: 1 });
    const read = await second.getSession(created.sessionId);
    expect(read?.preferences.theme).toBe('dark');
    expect(read?.metadata.userAgent).toBe('test');
    expect(read?.lastActivity).toBeInstanceOf(Date);
  });

  test('waits for a creation that is under way before it reads, updates or deletes', async () => {
    const { sessionId } = first.createSession();
    await first.updateSession(sessionId, { uiState: { expandedWidgets: ['github-issues'] } });
    expect((await first.getSession(sessionId))?.uiState.expandedWidgets).toEqual(['github-issues']);
    const other = first.createSession();
    expect(await first.deleteSession(other.sessionId)).toBe(true);
    expect(await first.getSession(other.sessionId)).toBeNull();
  });

  test('merges what two pods change in different fields', async () => {
    const { sessionId, saved } = first.createSession();
    await saved;
    await Promise.all([
      first.updateSession(sessionId, { preferences: { theme: 'dark' } }),
      second.updateSession(sessionId, { preferences: { language: 'de' } }),
    ]);
    expect((await first.getSession(sessionId))?.preferences).toMatchObject({ theme: 'dark', language: 'de' });
  });

  test('carries a tool’s dates there and back', async () => {
    const { sessionId } = first.createSession();
    const lastUsed = new Date('2025-10-29T12:00:00.000Z');
    await first.updateSession(sessionId, {
      toolConfigs: { github: { enabled: true, settings: { org: 'x' }, lastUsed } },
    });
    expect((await second.getSession(sessionId))?.toolConfigs['github']).toEqual({
      enabled: true,
      settings: { org: 'x' },
      lastUsed,
    });
  });

  test('writes on top of the version it was given and on no other', async () => {
    const { sessionId, saved } = first.createSession();
    const { version } = await saved;
    const updated = await second.updateSession(sessionId, { userId: 'u1' }, { ifVersion: version });
    expect(updated.version).toBeGreaterThan(version);
    await expect(
      first.updateSession(sessionId, { userId: 'u2' }, { ifVersion: version }),
    ).rejects.toMatchObject({
      code: 'version-conflict',
      status: 412,
    });
    expect((await first.getSession(sessionId))?.userId).toBe('u1');
  });

  test('writes under a term until a later one is known', async () => {
    const { sessionId, saved } = first.createSession({ term: 3 });
    await saved;
    await second.updateSession(sessionId, { userId: 'u1' }, { term: 4 });
    const overtaken = { code: 'term-overtaken', status: 409 };
    await expect(first.updateSession(sessionId, { userId: 'u2' }, { term: 3 })).rejects.toMatchObject(
      overtaken,
    );
    await expect(first.deleteSession(sessionId, { term: 3 })).rejects.toMatchObject(overtaken);
    await expect(first.createSession({ term: 3 }).saved).rejects.toMatchObject(overtaken);
    expect((await second.getSession(sessionId))?.userId).toBe('u1');
  });

  test('knows a deleted and an unknown session as none', async () => {
    const { sessionId, saved } = first.createSession();
    await saved;
    expect(await second.deleteSession(sessionId)).toBe(true);
    expect(await second.deleteSession(sessionId)).toBe(false);
    expect(await first.getSession(sessionId)).toBeNull();
    await expect(first.updateSession(sessionId, { userId: 'u' })).rejects.toMatchObject({
      code: 'session-not-found',
    });
  });

  test('passes on what the sidecar says of a bad update', async () => {
    const { sessionId } = first.createSession();
    const refused = first.updateSession(sessionId, { preferences: { theme: 'plaid' } });
    await expect(refused).rejects.toBeInstanceOf(HyperpageError);
    await expect(refused).rejects.toMatchObject({ code: 'invalid-body', status: 400 });
  });
});

describe('SessionManager, when something is wrong', () => {
  let fake: FakeSidecar;
  beforeEach(async () => {
    fake = await startFakeSidecar();
  });
  afterEach(() => fake.stop());

  test('says where it looked when there is no sidecar', async () => {
    await fake.stop();
    const sessions = new SessionManager({ url: fake.url });
    await expect(sessions.getSession('x')).rejects.toMatchObject({
      code: 'sidecar-unreachable',
      message: expect.stringMatching(
        /^cannot reach the sidecar at http:\/\/127\.0\.0\.1:\d+ \(.*HYPERPAGE_URL/,
      ),
    });
  });

  test('gives up on a sidecar that does not answer', async () => {
    fake.answer = () => {};
    const sessions = new SessionManager({ url: fake.url, timeoutMs: 50 });
    await expect(sessions.getSession('x')).rejects.toMatchObject({ code: 'sidecar-unreachable', status: 0 });
  });

  test('says so when what answers is no sidecar', async () => {
    fake.answer = (_request, response) => response.writeHead(200).end('<html>hello</html>');
    const sessions = new SessionManager({ url: fake.url });
    await expect(sessions.getSession('x')).rejects.toMatchObject({ code: 'unexpected-answer' });
    fake.answer = (_request, response) => response.writeHead(502).end('<html>bad gateway</html>');
    await expect(sessions.getSession('x')).rejects.toMatchObject({ code: 'unexpected-answer', status: 502 });
  });

  test('does not take the process down when nobody awaits a creation that failed', async () => {
    fake.answer = (_request, response) => problem(response, 503, 'redis-unavailable', 'try again');
    const sessions = new SessionManager({ url: fake.url });
    const created = sessions.createSession();
    await expect(created.saved).rejects.toMatchObject({ code: 'redis-unavailable' });
    const unawaited = sessions.createSession();
    fake.answer = (_request, response) => problem(response, 404, 'session-not-found', 'none');
    expect(await sessions.getSession(unawaited.sessionId)).toBeNull();
  });

  test('reads HYPERPAGE_URL when first used, not when made', async () => {
    const before = process.env['HYPERPAGE_URL'];
    try {
      const sessions = new SessionManager();
      process.env['HYPERPAGE_URL'] = `${fake.url}/`;
      fake.answer = (_request, response) => problem(response, 404, 'session-not-found', 'none');
      expect(await sessions.getSession('a b')).toBeNull();
      expect(fake.received[0]?.url).toBe('/api/sessions?sessionId=a+b');
    } finally {
      if (before === undefined) delete process.env['HYPERPAGE_URL'];
      else process.env['HYPERPAGE_URL'] = before;
    }
  });
});
