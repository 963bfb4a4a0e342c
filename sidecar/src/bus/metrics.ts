import { Counter, Histogram, type Registry } from '@hyperpage/runtime';
import type { DecodeFailure } from './envelope.ts';

/** Why something was dropped: a closed set.
 *  `not-a-push`: came over the channel without positions. `wrong-channel`: a message that does not belong there.
 *  `callback-failed`, `callback-overflow`: the app did not take it in time. */
export type DropReason =
  | DecodeFailure
  | 'not-a-push'
  | 'wrong-channel'
  | 'duplicate'
  | 'callback-failed'
  | 'callback-overflow';

/** The spec's coordination metrics (section 3): messages by priority and broadcast latency, and what went wrong. */
export function busMetrics(registry: Registry) {
  const registers = [registry];
  return {
    sent: new Counter({
      name: 'hyperpage_bus_sent_total',
      help: 'Messages this pod sent.',
      labelNames: ['priority'] as const,
      registers,
    }),
    received: new Counter({
      name: 'hyperpage_bus_received_total',
      help: 'Messages this pod received.',
      labelNames: ['priority'] as const,
      registers,
    }),
    dropped: new Counter<'reason'>({
      name: 'hyperpage_bus_dropped_total',
      help: 'Messages and garbage that were dropped.',
      labelNames: ['reason'],
      registers,
    }),
    gaps: new Counter({
      name: 'hyperpage_bus_gaps_total',
      help: 'Gaps declared to subscribers: messages may be missing.',
      labelNames: ['reason'] as const,
      registers,
    }),
    latency: new Histogram({
      name: 'hyperpage_bus_latency_seconds',
      help: "From the sender's clock to this one's: as good as the two agree.",
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
  };
}

export type BusMetrics = ReturnType<typeof busMetrics>;
