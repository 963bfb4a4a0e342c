import { type CoordinationMessage, PRIORITIES, type Priority } from '@hyperpage/contract';
import { backoffMs, type Clock, type Logger, sleep } from '@hyperpage/runtime';
import type { BusMetrics } from './metrics.ts';
import type { Bus } from './port.ts';

export interface CallbackOptions {
  /** Where the app takes messages. */
  url: string;
  clock: Clock;
  random: () => number;
  log: Logger;
  metrics: Pick<BusMetrics, 'dropped'>;
  /** Sends one message and gives the HTTP status; rejects when there is none. */
  post?: Post;
}

export type Post = (url: string, message: CoordinationMessage, signal: AbortSignal) => Promise<number>;

/** Retries after the first attempt. */
const MOST_RETRIES = 5;
const ATTEMPT_MS = 5000;
const RETRY = { baseMs: 200, maxMs: 5000 };
/** Messages that wait, for each priority. */
const MOST_WAITING = 1024;

/** Delivers every message of `bus` to the app by POST. A 2xx answer acknowledges; anything else is tried again, in
 *  order, and after the last retry the message is dropped, counted and logged. Each priority has a queue of its own:
 *  one that is stuck delays no other. A full queue drops what comes. Gives the way to stop. */
export function deliverToCallback(bus: Pick<Bus, 'subscribe'>, options: CallbackOptions): () => void {
  const stopping = new AbortController();
  const lanes = Object.fromEntries(
    PRIORITIES.map((priority) => [priority, laneOf(options, stopping.signal)]),
  ) as Record<Priority, (message: CoordinationMessage) => void>;
  const subscription = bus.subscribe((event) => {
    // A gap is for readers that can ask anew; the callback takes what comes, and the bus has counted and logged it.
    if (event.kind === 'message') lanes[event.message.priority](event.message);
  });
  return () => {
    subscription.close();
    stopping.abort(new Error('stopping'));
  };
}

function laneOf(options: CallbackOptions, stop: AbortSignal): (message: CoordinationMessage) => void {
  const { metrics, log } = options;
  const waiting: CoordinationMessage[] = [];
  let running = false;
  const run = async () => {
    running = true;
    for (let message = waiting.shift(); message && !stop.aborted; message = waiting.shift()) {
      await deliver(message, options, stop);
    }
    running = false;
  };
  return (message) => {
    if (waiting.length >= MOST_WAITING) {
      metrics.dropped.inc({ reason: 'callback-overflow' });
      log.warn(
        { messageId: message.id, type: message.type },
        'the callback is too slow; a message was dropped',
      );
      return;
    }
    waiting.push(message);
    if (!running) void run();
  };
}

async function deliver(
  message: CoordinationMessage,
  options: CallbackOptions,
  stop: AbortSignal,
): Promise<void> {
  const { url, clock, random, log, metrics, post = postJson } = options;
  let reason = '';
  for (let attempt = 0; attempt <= MOST_RETRIES; attempt++) {
    if (attempt > 0) await sleep(clock, backoffMs(attempt - 1, RETRY, random), stop).catch(() => {});
    if (stop.aborted) return;
    try {
      const status = await post(url, message, AbortSignal.any([stop, AbortSignal.timeout(ATTEMPT_MS)]));
      if (status >= 200 && status < 300) return;
      reason = `status ${status}`;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
  }
  if (stop.aborted) return;
  metrics.dropped.inc({ reason: 'callback-failed' });
  log.warn(
    { messageId: message.id, type: message.type, reason },
    'the callback did not take a message; it was dropped',
  );
}

const postJson: Post = async (url, message, signal) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(message),
    redirect: 'manual',
    signal,
  });
  // Read to its end, so that the connection can be used again.
  await response.body?.cancel();
  return response.status;
};
