import { type Clock, every } from '@hyperpage/runtime';
import type { RedisLink } from '../redis/index.ts';
import {
  isPosition,
  type LogBounds,
  type LogEntry,
  type LogListener,
  type MessageLog,
  type Push,
  TermOvertakenError,
} from './log.ts';

const PROLONG_MS = 60_000;
const LINEAGES = ['intact', 'trimmed', 'reset'] as const;

/** Logs in Redis: the stream `<channel>:log` and the hash `<channel>:log:meta`, pushed over the channel itself. */
export function createRedisLog(
  link: RedisLink,
  {
    clock,
    boundsOf,
    floorKey,
  }: {
    clock: Clock;
    boundsOf: (channel: string) => LogBounds;
    /** Where the highest term is kept. */
    floorKey: string;
  },
): MessageLog {
  const followed = new Set<string>();
  const stops: Array<() => void> = [];
  // A log that is followed does not end for want of messages: else its end could not be told from its loss.
  const prolonging = every(
    clock,
    PROLONG_MS,
    async () => {
      for (const channel of followed) await link.prolong(keysOf(channel), boundsOf(channel).idleMs);
    },
    () => {},
  );

  return {
    async append(channel, envelope, term) {
      const { messages, bytes, idleMs } = boundsOf(channel);
      const args = [channel, envelope, messages, bytes, idleMs, ...(term === undefined ? [] : [term])];
      const reply = await link.call({ name: 'message_publish', keys: [...keysOf(channel), floorKey], args });
      if (Array.isArray(reply)) throw new TermOvertakenError(Number(reply[0]));
      return String(reply);
    },
    async read(channel, after, limit) {
      const reply = await link.call({ name: 'message_read', keys: keysOf(channel), args: [after, limit] });
      return pageOf(reply);
    },
    async last(channel) {
      // From a position that no log has: all that is wanted is the newest one.
      const reply = await link.call({ name: 'message_read', keys: keysOf(channel), args: ['0-0', 0] });
      return pageOf(reply).last;
    },
    follow(channel, listener: LogListener) {
      followed.add(channel);
      link.subscribe(channel, (text) => {
        const push = pushOf(text);
        if (push) listener.onPush(push);
        else listener.onGarbage();
      });
      stops.push(link.onConnect(() => listener.onConnect()));
    },
    async close() {
      prolonging.cancel();
      for (const stop of stops.splice(0)) stop();
    },
  };
}

const keysOf = (channel: string) => [`${channel}:log`, `${channel}:log:meta`];

/** `<previous> <position> <envelope>`, or undefined. */
export function pushOf(text: string): Push | undefined {
  const first = text.indexOf(' ');
  const second = text.indexOf(' ', first + 1);
  if (first < 0 || second < 0) return undefined;
  const previous = text.slice(0, first);
  const id = text.slice(first + 1, second);
  return isPosition(previous) && isPosition(id)
    ? { previous, id, envelope: text.slice(second + 1) }
    : undefined;
}

/** @throws Error when the reply is not one of `message_read`. */
function pageOf(reply: unknown) {
  if (!Array.isArray(reply)) throw new Error('message_read gave no page');
  const [lineage, last, more, ...flat] = reply as [string, string, number, ...string[]];
  const known = LINEAGES.find((name) => name === lineage);
  if (!known) throw new Error('message_read gave an unknown lineage');
  const entries: LogEntry[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2)
    entries.push({ id: flat[i] ?? '', envelope: flat[i + 1] ?? '' });
  return { lineage: known, last, more: more === 1, entries };
}
