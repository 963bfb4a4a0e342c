import { type Static, Type } from 'typebox';

export const PRIORITIES = ['low', 'normal', 'high'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** The product spec's types; an app may use names of its own beside them. `election` is the sidecar's. */
export const MESSAGE_TYPES = [
  'cache_invalidate',
  'job_coordination',
  'rate_limit_sync',
  'broadcast',
] as const;
export const ELECTION_MESSAGE_TYPE = 'election';

/** Largest serialised payload, in bytes. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;

const MessageType = Type.String({
  pattern: '^[a-z][a-z0-9_.-]{0,63}$',
  description: "Lower case; one of the spec's types or your own.",
});
const PodId = Type.String({
  pattern: '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$',
  description: 'Name of a pod.',
});

/** A message as every receiver gets it (spec, section 2, "Message Types"). */
export const CoordinationMessage = Type.Object({
  id: Type.String({ description: 'Unique; a receiver that sees it twice may drop the second.' }),
  type: Type.String(),
  payload: Type.Unknown(),
  timestamp: Type.Integer({ description: "Sender's clock, milliseconds since the epoch." }),
  sourcePod: Type.String(),
  priority: Type.Enum([...PRIORITIES]),
  to: Type.Optional(Type.String({ description: 'The one receiver; absent on a broadcast.' })),
});
export interface CoordinationMessage<P = unknown>
  extends Omit<Static<typeof CoordinationMessage>, 'payload'> {
  payload: P;
}

/** `POST /v1/messages`. */
export const SendRequest = Type.Object(
  {
    type: MessageType,
    payload: Type.Unknown({ description: 'Any JSON.' }),
    to: Type.Optional(PodId),
    priority: Type.Optional(Type.Enum([...PRIORITIES], { default: 'normal' })),
    term: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'Fencing token: the term under which this pod leads. The message is refused when a later leader is known.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type SendRequest = Static<typeof SendRequest>;
export const SendAnswer = Type.Object({ id: Type.String() });
export type SendAnswer = Static<typeof SendAnswer>;

/** Server-sent events of `GET /v1/messages`: `message` (data: CoordinationMessage) and `gap` (data: GapNotice), each
 *  with an `id` to resume from by `Last-Event-ID`. */
export type MessageEventName = 'message' | 'gap';
export const GapNotice = Type.Object({
  reason: Type.Enum(['trimmed', 'overflow', 'reset'], {
    description:
      'trimmed: the log no longer goes back so far. overflow: this reader was too slow. reset: Redis lost its log.',
  }),
});
export type GapNotice = Static<typeof GapNotice>;

/** Redis channels, spec, section 2, "Channel Structure". */
export const channelsOf = (prefix: string) => ({
  all: `${prefix}:all`,
  election: `${prefix}:election`,
  pod: (podId: string) => `${prefix}:${podId}`,
});
