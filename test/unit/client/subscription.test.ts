import type { ServerSentEvent } from '../../../client/src/sse.ts';
import { openSubscription, type Subscription } from '../../../client/src/subscription.ts';
import { eventually } from './fake-sidecar.ts';

const FAST = { baseMs: 1, maxMs: 4 };

/** A server whose streams the test writes by hand. */
function fakeStreams() {
  const opened: Array<Record<string, string>> = [];
  const streams: Array<{ write(text: string): void; end(): void; fail(): void }> = [];
  const open = async (headers: Record<string, string>, signal: AbortSignal): Promise<Response> => {
    opened.push(headers);
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        signal.addEventListener('abort', () => controller.error(signal.reason));
        streams.push({
          write: (text) => controller.enqueue(encoder.encode(text)),
          end: () => controller.close(),
          fail: () => controller.error(new Error('connection reset')),
        });
      },
    });
    return new Response(body);
  };
  return { opened, streams, open };
}

describe('a subscription', () => {
  let subscription: Subscription | undefined;
  afterEach(() => subscription?.close());

  test('resumes after the last event when the connection breaks', async () => {
    const { opened, streams, open } = fakeStreams();
    const events: ServerSentEvent[] = [];
    const errors: unknown[] = [];
    subscription = openSubscription({
      open,
      onEvent: (event) => events.push(event),
      onError: (error) => errors.push(error),
      backoff: FAST,
    });
    await eventually(() => streams.length === 1, 'first connection');
    streams[0]?.write('id: 5\ndata: one\n\nid: 6\nda');
    await eventually(() => events.length === 1, 'first event');
    streams[0]?.fail();
    await eventually(() => streams.length === 2, 'second connection');
    streams[1]?.write('id: 6\ndata: two\n\n');
    await eventually(() => events.length === 2, 'second event');
    streams[1]?.end();
    await eventually(() => streams.length === 3, 'third connection');
    expect(opened).toEqual([{}, { 'last-event-id': '5' }, { 'last-event-id': '6' }]);
    expect(events.map(({ data }) => data)).toEqual(['one', 'two']);
    expect(errors).toHaveLength(1);
  });

  test('resumes from where it stood even when no event came', async () => {
    const { opened, streams, open } = fakeStreams();
    subscription = openSubscription({ open, onEvent: () => {}, onError: () => {}, backoff: FAST });
    await eventually(() => streams.length === 1, 'first connection');
    streams[0]?.write('id: 12\nretry: 1000\n\n');
    streams[0]?.end();
    await eventually(() => opened.length === 2, 'second connection');
    expect(opened[1]).toEqual({ 'last-event-id': '12' });
  });

  test('keeps trying while the server refuses, waits longer each time, and says so once', async () => {
    const waits: number[] = [];
    const errors: unknown[] = [];
    let attempts = 0;
    let last = performance.now();
    subscription = openSubscription({
      open: async () => {
        waits.push(performance.now() - last);
        last = performance.now();
        attempts += 1;
        throw new Error('refused');
      },
      onEvent: () => {},
      onError: (error) => errors.push(error),
      backoff: { baseMs: 2, maxMs: 64 },
      random: () => 0.999,
    });
    await eventually(() => attempts === 7, 'seven attempts');
    expect(waits.at(-1)).toBeGreaterThan(waits[1] ?? 0);
    expect(errors).toEqual([new Error('refused')]);
  });

  test('opens another connection when one is silent for too long', async () => {
    const { streams, open } = fakeStreams();
    const errors: unknown[] = [];
    subscription = openSubscription({
      open,
      onEvent: () => {},
      onError: (error) => errors.push(error),
      idleMs: 20,
      backoff: FAST,
    });
    await eventually(() => streams.length >= 2, 'second connection');
    expect(String(errors[0])).toContain('silent for 20 ms');
  });

  test('goes on after a handler threw', async () => {
    const { streams, open } = fakeStreams();
    const seen: string[] = [];
    const errors: unknown[] = [];
    subscription = openSubscription({
      open,
      onEvent: ({ data }) => {
        seen.push(data);
        if (data === 'bad') throw new Error('handler failed');
      },
      onError: (error) => errors.push(error),
      backoff: FAST,
    });
    await eventually(() => streams.length === 1, 'connection');
    streams[0]?.write('data: bad\n\ndata: good\n\n');
    await eventually(() => seen.length === 2, 'both events');
    expect(streams).toHaveLength(1);
    expect(String(errors[0])).toContain('handler failed');
  });

  test('does not connect again once it is closed', async () => {
    const { opened, streams, open } = fakeStreams();
    const errors: unknown[] = [];
    subscription = openSubscription({
      open,
      onEvent: () => {},
      onError: (error) => errors.push(error),
      backoff: FAST,
    });
    await eventually(() => streams.length === 1, 'connection');
    subscription.close();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(opened).toHaveLength(1);
    expect(errors).toEqual([]);
  });
});
