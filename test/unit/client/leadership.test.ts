import { Connection } from '../../../client/src/connection.ts';
import { Leadership, type LeadershipClock } from '../../../client/src/coordination/leadership.ts';
import type { LeaderView } from '../../../client/src/wire.ts';
import { eventually } from './fake-sidecar.ts';

const LEADING: LeaderView = { leader: 'pod-a', term: 4, isLeader: true, validForMs: 1000 };
const FOLLOWING: LeaderView = { leader: 'pod-b', term: 5, isLeader: false, validForMs: 0 };

/** A clock that only the test moves. */
function heldClock() {
  let now = 0;
  let timers: Array<{ at: number; fn: () => void }> = [];
  const clock: LeadershipClock = {
    now: () => now,
    after: (delayMs, fn) => {
      const timer = { at: now + delayMs, fn };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
  };
  const advance = (ms: number) => {
    now += ms;
    const due = timers.filter(({ at }) => at <= now);
    timers = timers.filter(({ at }) => at > now);
    for (const { fn } of due) fn();
  };
  return { clock, advance, waiting: () => timers.map(({ at }) => at - now) };
}

/** A sidecar whose answers and events the test gives one by one. */
function heldSidecar() {
  const questions: Array<(answer: LeaderView | Error) => void> = [];
  let tell: (event: string, view: LeaderView) => void = () => {};
  const send = (async (url: string, init: RequestInit) => {
    if (url.endsWith('/events')) {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          init.signal?.addEventListener('abort', () => controller.error(init.signal?.reason));
          tell = (event, view) =>
            controller.enqueue(
              new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(view)}\n\n`),
            );
        },
      });
      return new Response(body);
    }
    return new Promise<Response>((resolve, reject) => {
      questions.push((answer) =>
        answer instanceof Error ? reject(answer) : resolve(new Response(JSON.stringify(answer))),
      );
    });
  }) as typeof fetch;
  const answer = async (view: LeaderView | Error) => {
    await eventually(() => questions.length > 0, 'a question');
    questions.shift()?.(view);
    await settled();
  };
  return {
    connection: new Connection({ url: 'http://sidecar', fetch: send }),
    tell: async (event: string, view: LeaderView) => {
      tell(event, view);
      await settled();
    },
    answer,
    questions,
  };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('the SDK’s view of leadership', () => {
  const errors: unknown[] = [];
  let leadership: Leadership;
  const begin = () => {
    const sidecar = heldSidecar();
    const time = heldClock();
    leadership = new Leadership(sidecar.connection, (error) => errors.push(error), time.clock);
    leadership.start();
    return { ...sidecar, ...time };
  };
  beforeEach(() => errors.splice(0));
  afterEach(() => leadership.stop());

  test('ends by itself when its validity has passed and nothing was heard', async () => {
    const { tell, answer, advance } = begin();
    await settled();
    await tell('acquired', LEADING);
    await answer(LEADING);
    expect(leadership.isLeader()).toBe(true);
    advance(999);
    expect(leadership.isLeader()).toBe(true);
    advance(1);
    expect(leadership.isLeader()).toBe(false);
  });

  test('is never begun by an event alone, which may be old', async () => {
    const { tell } = begin();
    await settled();
    await tell('acquired', LEADING);
    expect(leadership.isLeader()).toBe(false);
  });

  test('is counted from when the question was sent, not from its answer', async () => {
    const { tell, answer, advance, questions } = begin();
    await settled();
    await tell('acquired', LEADING);
    await eventually(() => questions.length === 1, 'a question');
    advance(400);
    await answer(LEADING);
    advance(599);
    expect(leadership.isLeader()).toBe(true);
    advance(1);
    expect(leadership.isLeader()).toBe(false);
  });

  test('is asked for again half-way, and goes on with the answer', async () => {
    const { tell, answer, advance } = begin();
    await settled();
    await tell('acquired', LEADING);
    await answer(LEADING);
    advance(500);
    await answer(LEADING);
    advance(900);
    expect(leadership.isLeader()).toBe(true);
  });

  test('ends at once with the event that says so', async () => {
    const { tell, answer } = begin();
    await settled();
    await tell('acquired', LEADING);
    await answer(LEADING);
    await tell('lost', FOLLOWING);
    expect(leadership.isLeader()).toBe(false);
    expect(leadership.view).toEqual(FOLLOWING);
  });

  test('is not revived by an answer from before it was lost', async () => {
    const { tell, answer, advance, questions } = begin();
    await settled();
    await tell('acquired', LEADING);
    await answer(LEADING);
    advance(500);
    await eventually(() => questions.length === 1, 'the half-way question');
    await tell('lost', FOLLOWING);
    await answer(LEADING);
    expect(leadership.isLeader()).toBe(false);
    await answer(FOLLOWING);
    expect(leadership.isLeader()).toBe(false);
  });

  test('is asked for ever sooner while the sidecar does not answer', async () => {
    const { tell, answer, advance, waiting } = begin();
    await settled();
    await tell('acquired', LEADING);
    await answer(LEADING);
    advance(500);
    await answer(new Error('connection refused'));
    expect(Math.min(...waiting())).toBe(250);
    expect(leadership.isLeader()).toBe(true);
    expect(String(errors[0])).toContain('cannot reach the sidecar at http://sidecar');
    advance(250);
    await answer(new Error('connection refused'));
    expect(Math.min(...waiting())).toBe(125);
  });

  test('tells listeners of changes and of nothing else', async () => {
    const { tell, answer, advance } = begin();
    const seen: LeaderView[] = [];
    leadership.onChange((view) => seen.push(view));
    await settled();
    await tell('acquired', LEADING);
    await answer(LEADING);
    advance(500);
    await answer({ ...LEADING, validForMs: 900 });
    await tell('lost', FOLLOWING);
    expect(seen).toEqual([LEADING, FOLLOWING]);
  });

  describe('a reign', () => {
    const never = new AbortController().signal;

    test('is there once this pod leads, and ends a moment before its validity', async () => {
      const { tell, answer, advance } = begin();
      await settled();
      const coming = leadership.reign(never);
      await tell('acquired', LEADING);
      await answer(LEADING);
      const reign = await coming;
      expect(reign?.term).toBe(4);
      advance(974);
      expect(reign?.signal.aborted).toBe(false);
      advance(1);
      expect(reign?.signal.aborted).toBe(true);
      expect(leadership.isLeader()).toBe(true);
    });

    test('goes on with every answer, and ends with the event that says so', async () => {
      const { tell, answer, advance } = begin();
      await settled();
      await tell('acquired', LEADING);
      await answer(LEADING);
      const reign = await leadership.reign(never);
      advance(500);
      await answer(LEADING);
      advance(900);
      expect(reign?.signal.aborted).toBe(false);
      await tell('lost', FOLLOWING);
      expect(reign?.signal.aborted).toBe(true);
    });

    test('is another one under another term', async () => {
      const { tell, answer } = begin();
      await settled();
      await tell('acquired', LEADING);
      await answer(LEADING);
      const first = await leadership.reign(never);
      await tell('acquired', { ...LEADING, term: 5 });
      await answer({ ...LEADING, term: 5 });
      expect(first?.signal.aborted).toBe(true);
      expect((await leadership.reign(never))?.term).toBe(5);
    });

    test('is not waited for any longer than wanted', async () => {
      begin();
      await settled();
      const ending = new AbortController();
      const coming = leadership.reign(ending.signal);
      ending.abort();
      expect(await coming).toBeUndefined();
      expect(await leadership.reign(ending.signal)).toBeUndefined();
    });
  });
});
