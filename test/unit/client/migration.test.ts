import {
  HyperpageError,
  type MigrationCheckpoint,
  type MigrationProgress,
  migrateLocalSessionsToRedis,
  SessionManager,
} from '@hyperpage/client';
import { type Embedded, startEmbedded } from '../../../sidecar/src/embedded.ts';
import { type FakeSidecar, json, problem, type Received, startFakeSidecar } from './fake-sidecar.ts';

const numbered = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`s${n}`, { userId: `u${n}` }]));

describe('migrateLocalSessionsToRedis, on a real sidecar', () => {
  let embedded: Embedded;
  let url: string;
  let sessions: SessionManager;
  beforeAll(async () => {
    embedded = await startEmbedded({ count: 1, basePort: 0 });
    url = embedded.sidecars[0]?.url ?? '';
    sessions = new SessionManager({ url });
  });
  afterAll(() => embedded.stop());

  test('takes over what the app held, dates and all, and does it again without harm', async () => {
    const created = new Date('2025-10-29T12:00:00.000Z');
    const github = { enabled: true, settings: { org: 'x' }, lastUsed: created };
    const local = new Map([
      ['abc123-def456', { preferences: { theme: 'dark' }, toolConfigs: { github }, metadata: { created } }],
      ['no-theme', { preferences: { theme: 'plaid' } }],
    ]);
    const invalid = [
      { sessionId: 'no-theme', field: '/session/preferences/theme', detail: expect.any(String) },
    ];
    const totals = { created: 1, existing: 0, valid: 0, invalid, failed: 0 };
    expect(await migrateLocalSessionsToRedis(local, { url })).toEqual(totals);
    const session = await sessions.getSession('abc123-def456');
    expect(session).toMatchObject({ preferences: { theme: 'dark', language: 'en' }, metadata: { created } });
    expect(session?.toolConfigs['github']).toEqual(github);
    expect(await migrateLocalSessionsToRedis(local, { url })).toEqual({ ...totals, created: 0, existing: 1 });
  });

  test('checks every session in a dry run and writes none', async () => {
    const local = { 'dry-1': {}, 'dry 2': {}, 'dry-3': { colour: 'red' } };
    const result = await migrateLocalSessionsToRedis(local, { url, dryRun: true });
    expect(result).toMatchObject({ created: 0, valid: 1, failed: 0 });
    expect(result.invalid.map(({ sessionId, field }) => [sessionId, field])).toEqual([
      ['dry 2', '/sessionId'],
      ['dry-3', '/session/colour'],
    ]);
    expect(await sessions.getSession('dry-1')).toBeNull();
  });

  test('takes what comes over time, in batches side by side', async () => {
    async function* read() {
      for (const pair of Object.entries(numbered(25))) yield pair;
    }
    const result = await migrateLocalSessionsToRedis(read(), { url, batchSize: 4 });
    expect(result).toMatchObject({ created: 25, invalid: [], failed: 0 });
    expect((await sessions.getSession('s24'))?.userId).toBe('u24');
  });

  test('names a session that is too large, or that is no JSON at all', async () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    const huge = { uiState: { filterSettings: { text: 'x'.repeat(5_000_000) } } };
    const result = await migrateLocalSessionsToRedis({ loop, huge, fine: {} }, { url });
    expect(result.created).toBe(1);
    expect(result.invalid).toEqual([
      { sessionId: 'loop', field: '/session', detail: expect.stringContaining('as JSON') },
      { sessionId: 'huge', field: '/session', detail: expect.stringContaining('bytes') },
    ]);
  });
});

describe('migrateLocalSessionsToRedis, when something is wrong', () => {
  let fake: FakeSidecar;
  beforeEach(async () => {
    fake = await startFakeSidecar();
    fake.answer = (request, response) => json(response, 200, { success: true, results: created(request) });
  });
  afterEach(() => fake.stop());

  const idsOf = ({ body }: Received) =>
    (JSON.parse(body) as { sessions: Array<{ sessionId: string }> }).sessions.map(
      ({ sessionId }) => sessionId,
    );
  const created = (request: Received) =>
    idsOf(request).map((sessionId) => ({ sessionId, status: 'created' as const }));
  const away = (response: Parameters<FakeSidecar['answer']>[1]) => {
    response.setHeader('retry-after', '0');
    problem(response, 503, 'redis-unavailable', 'try again');
  };

  test('tries again while Redis is away, as soon as the sidecar says', async () => {
    const { answer } = fake;
    fake.answer = (request, response) => {
      if (fake.received.length <= 3) away(response);
      else answer(request, response);
    };
    expect(await migrateLocalSessionsToRedis(numbered(2), { url: fake.url })).toMatchObject({ created: 2 });
    expect(fake.received.map(idsOf)).toEqual(Array.from({ length: 4 }, () => ['s0', 's1']));
  });

  test('gives up after so many tries, counts the rest as failed and says why', async () => {
    fake.answer = (_request, response) => away(response);
    const options = { url: fake.url, batchSize: 2, concurrency: 1, maxRetries: 2 };
    const result = await migrateLocalSessionsToRedis(numbered(5), options);
    expect(result).toMatchObject({ created: 0, failed: 5, failure: { code: 'redis-unavailable' } });
    expect(fake.received).toHaveLength(3);
  });

  test('goes on from a checkpoint, and sends nothing twice that was answered', async () => {
    const { answer } = fake;
    fake.answer = (request, response) => {
      if (idsOf(request)[0] === 's4') away(response);
      else answer(request, response);
    };
    const options = { url: fake.url, batchSize: 2, concurrency: 1, maxRetries: 0 };
    let checkpoint: MigrationCheckpoint | undefined;
    const onProgress = (progress: MigrationProgress) => {
      checkpoint = JSON.parse(JSON.stringify(progress.checkpoint)) as MigrationCheckpoint;
    };
    await migrateLocalSessionsToRedis(numbered(7), { ...options, onProgress });
    expect(checkpoint).toMatchObject({ position: 4, lastSessionId: 's3' });
    fake.answer = answer;
    fake.received.length = 0;
    const result = await migrateLocalSessionsToRedis(numbered(7), { ...options, checkpoint });
    expect(result).toMatchObject({ created: 7, failed: 0 });
    expect(fake.received.flatMap(idsOf)).toEqual(['s4', 's5', 's6']);
  });

  test('puts no checkpoint past a batch that is still unanswered', async () => {
    const { answer } = fake;
    const positions: number[] = [];
    const answered = new Set<string>();
    fake.answer = (request, response) => {
      // The first batch is answered when the others are.
      const isFirst = idsOf(request)[0] === 's0';
      if (isFirst && answered.size < 2) return void setTimeout(() => fake.answer(request, response), 5);
      answered.add(idsOf(request)[0] ?? '');
      answer(request, response);
    };
    const onProgress = (progress: MigrationProgress) => positions.push(progress.checkpoint.position);
    const options = { url: fake.url, batchSize: 2, concurrency: 3, onProgress };
    expect(await migrateLocalSessionsToRedis(numbered(6), options)).toMatchObject({ created: 6 });
    expect(positions).toEqual([0, 0, 6]);
  });

  test('refuses a checkpoint of other sessions', async () => {
    const totals = { created: 1, existing: 0, valid: 0, invalid: [] };
    for (const [position, lastSessionId] of [
      [1, 'other'],
      [9, 's1'],
    ] as const) {
      const checkpoint = { position, lastSessionId, totals };
      await expect(
        migrateLocalSessionsToRedis(numbered(2), { url: fake.url, checkpoint }),
      ).rejects.toMatchObject({ code: 'invalid-argument', message: expect.stringContaining('checkpoint') });
    }
    expect(fake.received).toEqual([]);
  });

  test('ends at once, with the signal’s reason, when it is aborted', async () => {
    const stop = new AbortController();
    fake.answer = () => stop.abort(new Error('enough'));
    const running = migrateLocalSessionsToRedis(numbered(500), { url: fake.url, signal: stop.signal });
    await expect(running).rejects.toThrow('enough');
    await expect(
      migrateLocalSessionsToRedis(numbered(1), { url: fake.url, signal: stop.signal }),
    ).rejects.toThrow('enough');
  });

  test('says at once that there is no sidecar, but waits for one that was there', async () => {
    await fake.stop();
    const running = migrateLocalSessionsToRedis(numbered(1), { url: fake.url });
    await expect(running).rejects.toBeInstanceOf(HyperpageError);
    await expect(running).rejects.toMatchObject({ code: 'sidecar-unreachable' });
    fake = await startFakeSidecar();
    fake.answer = (request, response) => {
      if (fake.received.length === 2) return response.destroy();
      json(response, 200, { success: true, results: created(request) });
    };
    const options = { url: fake.url, batchSize: 1, concurrency: 1 };
    expect(await migrateLocalSessionsToRedis(numbered(2), options)).toMatchObject({ created: 2, failed: 0 });
  });

  test('passes on what a sidecar of an older version says', async () => {
    fake.answer = (_request, response) => problem(response, 404, 'not-found', 'There is no such path.');
    await expect(migrateLocalSessionsToRedis(numbered(1), { url: fake.url })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test.each([
    [{ batchSize: 101 }, 'batchSize is 101; it wants a whole number from 1 to 100'],
    [{ concurrency: 0 }, 'concurrency is 0; it wants a whole number from 1 to 16'],
  ])('refuses %j', async (options, message) => {
    await expect(migrateLocalSessionsToRedis({}, options)).rejects.toThrow(message);
  });
});
