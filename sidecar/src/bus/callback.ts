import { Agent, request } from 'node:http';
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

type Delivery = CallbackOptions & { post: Post };

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
  const agent = new Agent({ keepAlive: true });
  const post = options.post ?? httpPost(agent);
  const lanes = Object.fromEntries(
    PRIORITIES.map((priority) => [priority, laneOf({ ...options, post }, stopping.signal)]),
  ) as Record<Priority, (message: CoordinationMessage) => void>;
  const subscription = bus.subscribe((event) => {
    // A gap is for readers that can ask anew; the callback takes what comes, and the bus has counted and logged it.
    if (event.kind === 'message') lanes[event.message.priority](event.message);
  });
  return () => {
    subscription.close();
    stopping.abort(new Error('stopping'));
    agent.destroy();
  };
}

function laneOf(options: Delivery, stop: AbortSignal): (message: CoordinationMessage) => void {
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

async function deliver(message: CoordinationMessage, options: Delivery, stop: AbortSignal): Promise<void> {
  const { url, clock, random, log, metrics, post } = options;
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

/** Not `fetch`: it would bring some 3 MiB of client into a process that sends nothing else. */
function httpPost(agent: Agent): Post {
  return (url, message, signal) =>
    new Promise((resolve, reject) => {
      const body = Buffer.from(JSON.stringify(message));
      const headers = { 'content-type': 'application/json', 'content-length': body.length };
      const sent = request(url, { method: 'POST', agent, headers, signal }, (response) => {
        // Read to its end, so that the connection can be used again; an answer that breaks there has said its status.
        response.on('error', () => {}).resume();
        response.on('close', () => resolve(response.statusCode ?? 0));
      });
      sent.on('error', reject);
      sent.end(body);
    });
}
