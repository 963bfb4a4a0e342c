import { HyperpageError } from './errors.ts';
import { createSseParser, type ServerSentEvent } from './sse.ts';

/** A stream of events that reconnects until it is closed.
 *
 *  1. At most one connection is open at a time.
 *  2. A reconnect resumes after the last event that was handed on (`Last-Event-ID`).
 *  3. Whoever handles an event cannot break the stream by throwing.
 *  4. An outage is told once, not at each attempt.
 *  5. A connection that is silent for `idleMs` counts as broken: a sidecar sends heartbeats. */
export interface SubscriptionOptions {
  /** Opens one connection. @throws when it cannot */
  open(headers: Record<string, string>, signal: AbortSignal): Promise<Response>;
  onEvent(event: ServerSentEvent): void;
  /** A connection failed or broke, or a handler threw. The stream goes on by itself. */
  onError(error: unknown): void;
  /** Longest silence on a connection, in milliseconds; 60000 by default. */
  idleMs?: number | undefined;
  /** First and longest delay before a reconnect, in milliseconds; 100 and 5000 by default. */
  backoff?: { baseMs: number; maxMs: number } | undefined;
  /** Gives numbers in [0, 1), so that pods that lost a connection together do not come back together. */
  random?: () => number;
}

export interface Subscription {
  close(): void;
}

export function openSubscription(options: SubscriptionOptions): Subscription {
  const { baseMs, maxMs } = options.backoff ?? { baseMs: 100, maxMs: 5000 };
  const random = options.random ?? Math.random;
  const closed = new AbortController();
  let lastEventId: string | undefined;
  let failures = 0;
  let told: string | undefined;

  const report = (error: unknown) => {
    if (String(error) !== told) options.onError(error);
    told = String(error);
  };

  const handOn = (event: ServerSentEvent) => {
    failures = 0;
    told = undefined;
    try {
      options.onEvent(event);
    } catch (error) {
      options.onError(error);
    }
  };

  const run = async () => {
    while (!closed.signal.aborted) {
      try {
        await readOnce(options, lastEventId, closed.signal, handOn, (id) => {
          lastEventId = id;
        });
      } catch (error) {
        if (closed.signal.aborted) return;
        report(error);
      }
      const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 20));
      failures += 1;
      await pause(ceiling / 2 + (random() * ceiling) / 2, closed.signal);
    }
  };
  void run();
  return { close: () => closed.abort() };
}

async function readOnce(
  options: SubscriptionOptions,
  lastEventId: string | undefined,
  closed: AbortSignal,
  onEvent: (event: ServerSentEvent) => void,
  onId: (id: string) => void,
): Promise<void> {
  const idleMs = options.idleMs ?? 60_000;
  const idle = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => idle.abort(silent(idleMs)), idleMs);
  };
  const signal = AbortSignal.any([closed, idle.signal]);
  try {
    alive();
    const response = await options.open(
      lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
      signal,
    );
    const parser = createSseParser(onEvent);
    const decoder = new TextDecoder();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (;;) {
      alive();
      const { done, value } = await reader.read();
      if (done) return;
      parser.push(decoder.decode(value, { stream: true }));
      if (parser.lastEventId !== undefined) onId(parser.lastEventId);
    }
  } catch (error) {
    throw idle.signal.aborted ? idle.signal.reason : error;
  } finally {
    clearTimeout(timer);
    idle.abort();
  }
}

const silent = (idleMs: number) =>
  new HyperpageError('sidecar-unreachable', `the sidecar was silent for ${idleMs} ms; connecting again`);

/** Resolves after `ms`, or at once when `signal` aborts. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
