import {
  type CoordinationMessage,
  channelsOf,
  ELECTION_MESSAGE_TYPE,
  MAX_PAYLOAD_BYTES,
  type Priority,
} from '@hyperpage/contract';
import type { Clock, Logger } from '@hyperpage/runtime';
import { type Decoded, decodeEnvelope, encodeEnvelope } from './envelope.ts';
import { Follower } from './follower.ts';
import { LOG_START, type LogBounds, type MessageLog, TermOvertakenError } from './log.ts';
import type { BusMetrics, DropReason } from './metrics.ts';
import type { Bus, SendOutcome } from './port.ts';
import { TokenBucket } from './rate-limit.ts';
import { BusSubscription, positionsOf } from './subscription.ts';

export interface BusOptions {
  podId: string;
  /** Makes message ids: it and a running number must never come twice. */
  bootId: string;
  channelPrefix: string;
  /** Messages a minute that this pod may send. Low priority shares normal's. */
  highPriorityThreshold: number;
  normalPriorityThreshold: number;
  clock: Clock;
  log: Logger;
  metrics: BusMetrics;
}

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** How much of each channel is kept for readers that were away. */
export const boundsOf = (channelPrefix: string) => {
  const channels = channelsOf(channelPrefix);
  return (channel: string): LogBounds => {
    if (channel === channels.all) return { messages: 4096, bytes: 8 * MIB, idleMs: 24 * HOUR_MS };
    if (channel === channels.election) return { messages: 128, bytes: MIB / 4, idleMs: 24 * HOUR_MS };
    return { messages: 1024, bytes: 2 * MIB, idleMs: HOUR_MS };
  };
};

/** The message port over `messageLog`. */
export function createBus(messageLog: MessageLog, options: BusOptions): Bus {
  const { podId, bootId, clock, log, metrics } = options;
  const names = channelsOf(options.channelPrefix);
  const channels = [names.all, names.pod(podId), names.election];
  const bounds = boundsOf(options.channelPrefix);
  const buckets = bucketsOf(options);
  const subscriptions = new Set<BusSubscription>();
  let sequence = 0;

  const decodeOf = (channel: string) => (envelope: string) => decodeFor(channel, envelope);
  const followers = channels.map(
    (channel, index) =>
      new Follower(
        messageLog,
        channel,
        {
          message: (message, position) => {
            metrics.received.inc({ priority: message.priority });
            metrics.latency.observe(Math.max(0, clock.wallMs() - message.timestamp) / 1000);
            for (const subscription of subscriptions) {
              subscription.live({ channel: index, position, event: { kind: 'message', message } });
            }
          },
          gap: (reason, position) => {
            metrics.gaps.inc({ reason });
            log.warn({ channel, reason }, 'messages may be missing');
            for (const subscription of subscriptions) {
              subscription.live({ channel: index, position, event: { kind: 'gap', reason } });
            }
          },
          started: (position) => {
            for (const subscription of subscriptions) subscription.startAt(index, position);
          },
          dropped: (reason) => metrics.dropped.inc({ reason }),
        },
        { clock, decode: decodeOf(channel), remember: 2 * bounds(channel).messages },
      ),
  );

  /** What belongs on a channel: elections on theirs and nothing else there, direct messages only to this pod. */
  function decodeFor(channel: string, envelope: string): Decoded | { failure: DropReason } {
    const decoded = decodeEnvelope(envelope);
    if ('failure' in decoded) return decoded;
    const { type, to } = decoded.message;
    const belongs =
      (type === ELECTION_MESSAGE_TYPE) === (channel === names.election) &&
      to === (channel === channels[1] ? podId : undefined);
    return belongs ? decoded : { failure: 'wrong-channel' };
  }

  async function append(channel: string, message: CoordinationMessage, term?: number): Promise<SendOutcome> {
    try {
      await messageLog.append(channel, encodeEnvelope(message), term);
    } catch (error) {
      if (error instanceof TermOvertakenError) return { kind: 'term-overtaken', highest: error.highest };
      return { kind: 'unavailable', reason: error instanceof Error ? error.message : String(error) };
    }
    metrics.sent.inc({ priority: message.priority });
    return { kind: 'sent', id: message.id };
  }

  const compose = (type: string, payload: unknown, priority: Priority, to?: string): CoordinationMessage => ({
    id: `${bootId}-${(sequence++).toString(36)}`,
    type,
    payload: payload ?? null,
    timestamp: clock.wallMs(),
    sourcePod: podId,
    priority,
    ...(to === undefined ? {} : { to }),
  });

  return {
    async send({ type, payload, to, priority = 'normal', term }) {
      if (type === ELECTION_MESSAGE_TYPE) throw new RangeError(`the type ${type} is the sidecar's own`);
      const bytes = Buffer.byteLength(JSON.stringify(payload ?? null));
      if (bytes > MAX_PAYLOAD_BYTES) return { kind: 'too-large', bytes, limitBytes: MAX_PAYLOAD_BYTES };
      const bucket = buckets[priority];
      const retryAfterMs = bucket.take(clock.monotonicMs());
      if (retryAfterMs > 0) return { kind: 'rate-limited', retryAfterMs };
      const channel = to === undefined ? names.all : names.pod(to);
      const outcome = await append(channel, compose(type, payload, priority, to), term);
      if (outcome.kind === 'unavailable') bucket.giveBack();
      return outcome;
    },
    announceElection: (payload) => append(names.election, compose(ELECTION_MESSAGE_TYPE, payload, 'high')),
    subscribe(listener, { from } = {}) {
      const live = followers.map((follower) => follower.cursor ?? LOG_START);
      const positions = from === undefined ? undefined : positionsOf(from, channels.length);
      const subscription = new BusSubscription(positions ?? live, listener, (err) =>
        log.error({ err }, 'a message listener failed'),
      );
      subscriptions.add(subscription);
      if (positions) {
        void subscription.replay(messageLog, channels, (index) => decodeOf(channels[index] ?? ''), clock);
      } else if (from !== undefined) {
        subscription.live({
          channel: 0,
          position: live[0] ?? LOG_START,
          event: { kind: 'gap', reason: 'reset' },
        });
      }
      return {
        cursor: () => subscription.cursor(),
        close: () => {
          subscriptions.delete(subscription);
          subscription.close();
        },
      };
    },
    ready: () => followers.every((follower) => follower.cursor !== undefined),
    async close() {
      for (const follower of followers) follower.close();
      for (const subscription of subscriptions) subscription.close();
      subscriptions.clear();
      await messageLog.close();
    },
  };
}

function bucketsOf(options: BusOptions): Record<Priority, TokenBucket> {
  const nowMs = options.clock.monotonicMs();
  const normal = new TokenBucket(options.normalPriorityThreshold, nowMs);
  return { high: new TokenBucket(options.highPriorityThreshold, nowMs), normal, low: normal };
}
