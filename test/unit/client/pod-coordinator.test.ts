import { type CoordinationMessage, type Member, NotLeaderError, PodCoordinator } from '@hyperpage/client';
import { startEmbedded } from '../../../sidecar/src/embedded.ts';
import { eventually, type FakeSidecar, problem, startFakeSidecar } from './fake-sidecar.ts';

describe('PodCoordinator, on real sidecars', () => {
  let embedded: Awaited<ReturnType<typeof startEmbedded>>;
  const pods: PodCoordinator[] = [];
  const errors: unknown[] = [];
  const [a, b] = [() => pods[0] as PodCoordinator, () => pods[1] as PodCoordinator];

  beforeEach(async () => {
    embedded = await startEmbedded({ count: 2, basePort: 0 });
    for (const { url } of embedded.sidecars)
      pods.push(new PodCoordinator({ url, onError: (error) => errors.push(error) }));
    await eventually(async () => (await a().getLeader()) !== null, 'a leader');
  });
  afterEach(async () => {
    for (const pod of pods.splice(0)) pod.close();
    await embedded.stop();
    errors.splice(0);
  });

  /** What a pod hears from the moment that it surely listens. */
  const hear = async (pod: PodCoordinator, podId: string): Promise<CoordinationMessage[]> => {
    const heard: CoordinationMessage[] = [];
    let listening = false;
    pod.onMessage('*', (message) => {
      if (message.type === 'warm_up') listening = true;
      else if (message.type !== 'election') heard.push(message);
    });
    await eventually(async () => {
      await pod.sendToPod(podId, 'warm_up', {}, { priority: 'low' });
      return listening;
    }, 'listening');
    return heard;
  };
  const podIds = () => embedded.sidecars.map(({ podId }) => podId) as [string, string];
  /** The pod that leads and the one that does not. */
  const byRole = async (): Promise<[leader: PodCoordinator, follower: PodCoordinator]> => {
    await eventually(() => pods.some((pod) => pod.getIsLeader()), 'a pod that knows it leads');
    return a().getIsLeader() ? [a(), b()] : [b(), a()];
  };

  test('broadcasts to every pod, itself included', async () => {
    const heard = await Promise.all([hear(a(), podIds()[0]), hear(b(), podIds()[1])]);
    const payload = { keys: ['user:123:settings'], source: 'admin-panel' };
    const { id } = await a().broadcast('cache_invalidate', payload, { priority: 'high' });
    await eventually(() => heard.every((messages) => messages.length === 1), 'both heard it');
    for (const [message] of heard)
      expect(message).toMatchObject({
        id,
        type: 'cache_invalidate',
        payload,
        sourcePod: podIds()[0],
        priority: 'high',
      });
  });

  test('sends to one pod and to no other', async () => {
    const [heardByA, heardByB] = await Promise.all([hear(a(), podIds()[0]), hear(b(), podIds()[1])]);
    await a().sendToPod(podIds()[1], 'job_coordination', { operation: 'cache_warmup' });
    await a().broadcast('broadcast', { last: true });
    await eventually(() => heardByA.length === 1 && heardByB.length === 2, 'both heard theirs');
    expect(heardByA.map(({ type }) => type)).toEqual(['broadcast']);
    expect(heardByB[0]).toMatchObject({ type: 'job_coordination', to: podIds()[1] });
  });

  test('refuses to send to a pod that is not there', async () => {
    await expect(a().sendToPod('pod-abc-123', 'broadcast', {})).rejects.toMatchObject({
      code: 'member-not-found',
      status: 404,
    });
  });

  test('tells both pods the same leader, and only one that it leads', async () => {
    const [leader, follower] = await byRole();
    const election = await follower.getLeader();
    expect(election).toMatchObject({ status: 'active', leaderId: (await leader.getLeader())?.leaderId });
    expect(election?.term).toBeGreaterThan(0);
    expect(leader.getIsLeader()).toBe(true);
    expect(follower.getIsLeader()).toBe(false);
  });

  test('coordinates as the leader, with its term in the payload', async () => {
    const [leader, follower] = await byRole();
    const heard = await hear(follower, follower === a() ? podIds()[0] : podIds()[1]);
    await leader.coordinate('bg_job_balance', { redistribute: true });
    await eventually(() => heard.length === 1, 'heard');
    const { term } = (await leader.getLeader()) ?? { term: -1 };
    expect(heard[0]?.payload).toEqual({ redistribute: true, term });
  });

  test('refuses to coordinate on a follower, and names the leader', async () => {
    const [leader, follower] = await byRole();
    const refused = follower.coordinate('bg_job_balance', {});
    await expect(refused).rejects.toBeInstanceOf(NotLeaderError);
    await expect(refused).rejects.toMatchObject({
      code: 'not-leader',
      leader: (await leader.getLeader())?.leaderId,
    });
    await expect(leader.coordinate('bg_job_balance', { term: 9 })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  test('tells of the next leader when the leader’s pod stops', async () => {
    const [leader, follower] = await byRole();
    const index = pods.indexOf(leader);
    const before = (await follower.getLeader())?.term ?? 0;
    const elected: unknown[] = [];
    follower.onMessage('election', (message) => {
      if (message.payload.newLeader) elected.push(message.payload.newLeader);
    });
    // The next one leads sooner than a stream opens.
    await hear(follower, podIds()[1 - index] as string);
    await embedded.sidecars[index]?.stop();
    await eventually(() => follower.getIsLeader(), 'the follower leads');
    expect((await follower.getLeader())?.term).toBeGreaterThan(before);
    expect(leader.getIsLeader()).toBe(false);
    await eventually(() => elected.includes(podIds()[1 - index]), 'an election message');
  });

  test('runs a duty where it leads, in one pod after the other, and stops it in time', async () => {
    const ran: string[] = [];
    const over = pods.map((pod, i) =>
      pod.runWhileLeader(async ({ term, signal }) => {
        ran.push(`${i} begins term ${term}`);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ran.push(`${i} ends term ${term}`);
        signal.throwIfAborted();
      }),
    );
    await eventually(() => ran.length === 1, 'one runs it');
    const first = Number(ran[0]?.[0]);
    await embedded.sidecars[first]?.stop();
    await eventually(() => ran.length === 3, 'the other runs it');
    const [from, to] = [1, 2];
    expect(ran).toEqual([
      `${first} begins term ${from}`,
      `${first} ends term ${from}`,
      `${1 - first} begins term ${to}`,
    ]);
    for (const pod of pods) pod.close();
    await Promise.all(over);
    expect(ran.at(-1)).toBe(`${1 - first} ends term ${to}`);
  });

  test('ends a duty that fails of its own accord with its error', async () => {
    const [leader] = await byRole();
    const failing = leader.runWhileLeader(() => {
      throw new TypeError('no such table');
    });
    await expect(failing).rejects.toThrow('no such table');
  });

  test('lists the members, and tells when one has gone', async () => {
    await eventually(async () => (await a().members()).length === 2, 'two members');
    const seen: Member[][] = [];
    const stop = a().onMembers((members) => seen.push(members));
    await eventually(() => seen.at(-1)?.length === 2, 'both seen');
    await embedded.sidecars[1]?.stop();
    await eventually(() => seen.at(-1)?.length === 1, 'one gone');
    expect(seen.at(-1)?.[0]).toMatchObject({ podId: podIds()[0], isSelf: true });
    stop();
  });

  test('reports a handler that fails and goes on calling the others', async () => {
    const heard = await hear(a(), podIds()[0]);
    a().onMessage('broadcast', () => {
      throw new Error('handler threw');
    });
    a().onMessage('broadcast', async () => {
      throw new Error('handler rejected');
    });
    await a().broadcast('broadcast', { n: 1 });
    await a().broadcast('broadcast', { n: 2 });
    await eventually(() => heard.length === 2 && errors.length === 4, 'all called');
    expect(new Set(errors.map(String))).toEqual(new Set(['Error: handler threw', 'Error: handler rejected']));
  });

  test('calls a handler no more once it has been taken away', async () => {
    const heard = await hear(a(), podIds()[0]);
    let calls = 0;
    const stop = a().onMessage('broadcast', () => {
      calls += 1;
    });
    await a().broadcast('broadcast', {});
    await eventually(() => heard.length === 1, 'first');
    stop();
    await a().broadcast('broadcast', {});
    await eventually(() => heard.length === 2, 'second');
    expect(calls).toBe(1);
  });

  test('says that it was closed', () => {
    a().close();
    expect(() => a().getIsLeader()).toThrow('closed');
    expect(() => a().onMessage('broadcast', () => {})).toThrow('make a new one');
  });
});

describe('PodCoordinator, when something is wrong', () => {
  let fake: FakeSidecar;
  let pod: PodCoordinator;
  const errors: unknown[] = [];
  beforeEach(async () => {
    fake = await startFakeSidecar();
    pod = new PodCoordinator({ url: fake.url, onError: (error) => errors.push(error) });
  });
  afterEach(async () => {
    pod.close();
    await fake.stop();
    errors.splice(0);
  });

  test('does not lead while the sidecar is away, and throws where an answer is needed', async () => {
    await fake.stop();
    expect(pod.getIsLeader()).toBe(false);
    await expect(pod.getLeader()).rejects.toMatchObject({ code: 'sidecar-unreachable' });
    await expect(pod.broadcast('broadcast', {})).rejects.toMatchObject({ code: 'sidecar-unreachable' });
    await eventually(() => errors.length > 0, 'the stream’s failure is reported');
  });

  test('passes a rate limit on', async () => {
    fake.answer = (_request, response) => problem(response, 429, 'rate-limited', 'try again in 2 s');
    await expect(pod.broadcast('broadcast', {})).rejects.toMatchObject({
      code: 'rate-limited',
      status: 429,
      message: 'try again in 2 s',
    });
  });

  test('resumes its messages where they broke off, and tells of a gap', async () => {
    const asked: Array<string | undefined> = [];
    const message = {
      id: 'm1',
      type: 'broadcast',
      payload: {},
      timestamp: 1,
      sourcePod: 'x',
      priority: 'normal',
    };
    fake.answer = ({ headers }, response) => {
      asked.push(headers['last-event-id'] as string | undefined);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (asked.length === 1)
        response.end(`id: c1\nevent: message\ndata: ${JSON.stringify(message)}\n\nid: c2\nevent: mess`);
      else response.write('id: c9\nevent: gap\ndata: {"reason":"trimmed"}\n\n');
    };
    const heard: unknown[] = [];
    const gaps: unknown[] = [];
    pod.onMessage('broadcast', ({ id }) => {
      heard.push(id);
    });
    pod.onGap(({ reason }) => gaps.push(reason));
    await eventually(() => gaps.length === 1, 'a gap');
    expect(asked).toEqual([undefined, 'c1']);
    expect(heard).toEqual(['m1']);
    expect(gaps).toEqual(['trimmed']);
  });
});
