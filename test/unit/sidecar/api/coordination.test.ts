import type { LeaderView, MembersView } from '@hyperpage/contract';
import { type Embedded, startEmbedded } from '../../../../sidecar/src/embedded.ts';
import { openEvents } from '../../../support/event-source.ts';
import { eventually } from '../../../support/eventually.ts';
import { plainRequest } from '../../../support/plain-http.ts';

const leaderOf = async (url: string) => (await plainRequest(url, { path: '/v1/leader' })).body as LeaderView;
const send = (url: string, body: object) => plainRequest(url, { method: 'POST', path: '/v1/messages', body });

async function start(count: number, env?: Record<string, string>): Promise<Embedded & { urls: string[] }> {
  const running = await startEmbedded({ count, basePort: 0, ...(env ? { env } : {}) });
  const urls = running.sidecars.map(({ url }) => url);
  await eventually('every sidecar knows every member', async () => {
    const lists = await Promise.all(urls.map((url) => plainRequest(url, { path: '/v1/members' })));
    return lists.every(({ body }) => (body as MembersView).members.length === count);
  });
  return { ...running, urls };
}

describe('leadership', () => {
  test('one of three leads, all know whom, and a term is valid on its leader only', async () => {
    const { urls, stop } = await start(3);
    const views = await eventually('one leads and all know it', async () => {
      const all = await Promise.all(urls.map(leaderOf));
      return all.some(({ isLeader }) => isLeader) && all.every(({ leader }) => leader) ? all : undefined;
    });
    if (!views) throw new Error('unreachable');
    expect(views.filter(({ isLeader }) => isLeader)).toHaveLength(1);
    const check = (url: string, term: number) =>
      plainRequest(url, { method: 'POST', path: '/v1/leader/check', body: { term } });
    const at = views.findIndex(({ isLeader }) => isLeader);
    const { term } = views[at] as LeaderView;
    expect((await check(urls[at] ?? '', term)).body).toMatchObject({ valid: true, term });
    expect((await check(urls[at] ?? '', term - 1)).body).toMatchObject({ valid: false, term, validForMs: 0 });
    expect((await check(urls[(at + 1) % 3] ?? '', term)).body).toMatchObject({ valid: false });
    await stop();
  });

  test('steps down when it is asked to: another pod leads, and this one does not stand again for a while', async () => {
    const { urls, stop } = await start(3);
    await eventually('the first leads', async () => (await leaderOf(urls[1] ?? '')).leader === 'embedded-0');
    const stepDown = (url: string, body: unknown) =>
      plainRequest(url, { method: 'POST', path: '/v1/leader/step-down', body });
    const refused = await stepDown(urls[1] ?? '', {});
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ code: 'not-leader', detail: expect.stringContaining('embedded-0') });
    expect((await stepDown(urls[0] ?? '', { forMs: 5 })).status).toBe(400);
    const { status, body } = await stepDown(urls[0] ?? '', { forMs: 60_000 });
    expect(status).toBe(200);
    expect(body).toMatchObject({ isLeader: false, validForMs: 0 });
    await eventually('another leads', async () => (await leaderOf(urls[0] ?? '')).term === 2);
    expect((await leaderOf(urls[0] ?? '')).leader).not.toBe('embedded-0');
    await stop();
  });

  test('a leader that stops hands over, and every reader of events is told', async () => {
    const { sidecars, urls, stop } = await start(2);
    await eventually('the first leads', async () => (await leaderOf(urls[0] ?? '')).isLeader);
    const events = await openEvents(urls[1] ?? '', '/v1/leader/events');
    expect(events.contentType).toContain('text/event-stream');
    expect(await events.next()).toMatchObject({
      event: 'changed',
      data: { leader: 'embedded-0', isLeader: false },
    });
    await sidecars[0]?.stop();
    for (;;) {
      const { event, data } = await events.next();
      if (event !== 'acquired') continue;
      expect(data).toMatchObject({ leader: 'embedded-1', term: 2, isLeader: true });
      break;
    }
    events.close();
    await stop();
  });

  test('switched off, it says so', async () => {
    const { urls, stop } = await start(1, { HYPERPAGE_ELECTION_ENABLED: 'false' });
    expect(await plainRequest(urls[0] ?? '', { path: '/v1/leader' })).toMatchObject({
      status: 503,
      body: { code: 'election-disabled' },
    });
    expect(await plainRequest(urls[0] ?? '', { path: '/readyz' })).toMatchObject({ status: 200 });
    await stop();
  });
});

describe('messages', () => {
  test('a broadcast reaches every pod, the sender too; a direct message reaches one', async () => {
    const { urls, stop } = await start(3);
    const streams = await Promise.all(urls.map((url) => openEvents(url, '/v1/messages')));
    const sent = await send(urls[0] ?? '', {
      type: 'cache_invalidate',
      payload: { keys: ['a'] },
      priority: 'high',
    });
    expect(sent.status).toBe(202);
    for (const stream of streams) {
      expect(await nextOf(stream, 'cache_invalidate')).toMatchObject({
        id: (sent.body as { id: string }).id,
        payload: { keys: ['a'] },
        sourcePod: 'embedded-0',
        priority: 'high',
      });
    }
    await send(urls[0] ?? '', { type: 'job.run', payload: 1, to: 'embedded-2' });
    await send(urls[0] ?? '', { type: 'broadcast', payload: 2 });
    expect(await nextOf(streams[1], 'broadcast')).toMatchObject({ payload: 2 });
    expect(await nextOf(streams[2], 'job.run')).toMatchObject({ payload: 1, to: 'embedded-2' });
    for (const stream of streams) stream.close();
    await stop();
  });

  test('a reader that comes back with its last id gets what it missed, also if it had got nothing', async () => {
    const { urls, stop } = await start(1);
    const url = urls[0] ?? '';
    const first = await openEvents(url, '/v1/messages');
    const id = (await eventually('the stream gives an id', () => first.lastId())) ?? '';
    first.close();
    await send(url, { type: 'broadcast', payload: 'missed' });
    const second = await openEvents(url, '/v1/messages', { 'last-event-id': id });
    expect(await nextOf(second, 'broadcast')).toMatchObject({ payload: 'missed' });
    second.close();
    await stop();
  });

  test('an id that is none gives a gap, and then what comes', async () => {
    const { urls, stop } = await start(1);
    const url = urls[0] ?? '';
    const stream = await openEvents(url, '/v1/messages', { 'last-event-id': 'nonsense' });
    expect(await stream.next()).toMatchObject({ event: 'gap', data: { reason: 'reset' } });
    stream.close();
    await stop();
  });

  test('over its share of a priority a pod is told to wait, and for how long', async () => {
    const { urls, stop } = await start(1, { COORD_HIGH_PRIORITY_THRESHOLD: '1' });
    const url = urls[0] ?? '';
    const answers = [];
    for (let i = 0; i < 5; i += 1)
      answers.push(await send(url, { type: 'broadcast', payload: i, priority: 'high' }));
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body).toMatchObject({ code: 'rate-limited' });
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
    await stop();
  });

  test('switched off, they say so', async () => {
    const { urls, stop } = await start(1, { POD_COORDINATION_ENABLED: 'false' });
    const answer = await send(urls[0] ?? '', { type: 'broadcast', payload: 1 });
    expect(answer).toMatchObject({ status: 503, body: { code: 'coordination-disabled' } });
    await stop();
  });

  test('a sidecar that stops ends its streams', async () => {
    const { urls, stop } = await start(1);
    const stream = await openEvents(urls[0] ?? '', '/v1/messages');
    await stop();
    await stream.ended;
    expect(stream.status).toBe(200);
  });
});

describe('members', () => {
  test('the list names each pod, which is this one and which leads; its changes come as events', async () => {
    const { urls, sidecars, stop } = await start(2);
    await eventually('the first leads', async () => (await leaderOf(urls[1] ?? '')).leader === 'embedded-0');
    const { body } = await plainRequest(urls[1] ?? '', { path: '/v1/members' });
    expect(body).toMatchObject({
      members: [
        { podId: 'embedded-0', isSelf: false, isLeader: true },
        { podId: 'embedded-1', isSelf: true, isLeader: false },
      ],
    });
    const stream = await openEvents(urls[1] ?? '', '/v1/members');
    expect((await stream.next()).event).toBe('members');
    await sidecars[0]?.stop();
    for (;;) {
      const { members } = (await stream.next()).data as MembersView;
      if (members.length === 1) break;
    }
    stream.close();
    await stop();
  });
});

async function nextOf(
  stream: Awaited<ReturnType<typeof openEvents>> | undefined,
  type: string,
): Promise<unknown> {
  if (!stream) throw new Error('no such stream');
  for (;;) {
    const { event, data } = await stream.next();
    if (event === 'message' && (data as { type: string }).type === type) return data;
  }
}
