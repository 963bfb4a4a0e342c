import {
  ELECTION_MESSAGE_TYPE,
  type GapNotice,
  MAX_PAYLOAD_BYTES,
  type SendAnswer,
  SendRequest,
} from '@hyperpage/contract';
import type { BusEvent, SendOutcome } from '../bus/index.ts';
import { readJson, refuseTraps } from './body.ts';
import { EventStream, type StreamEvent } from './event-stream.ts';
import type { Answer, Handler } from './exchange.ts';
import type { ApiPorts } from './ports.ts';
import { ProblemError } from './problem.ts';
import { termOvertaken } from './term.ts';
import { bodyCheck } from './validate.ts';

/** Room for the envelope and for how JSON may be written; the payload's own limit is MAX_PAYLOAD_BYTES. */
export const MESSAGE_LIMIT_BYTES = 2 * MAX_PAYLOAD_BYTES;
const sendRequest = bodyCheck(SendRequest);

/** `/v1/messages`. */
export function messageHandlers({ bus, membership, settings, clock }: ApiPorts) {
  const requireCoordination = () => {
    if (settings.coordinationEnabled) return;
    throw new ProblemError(
      'coordination-disabled',
      'Pods of this cluster exchange no messages: set spec.coordination.enabled to true in its HyperpageCluster.',
    );
  };

  const requireMember = (podId: string | undefined) => {
    if (podId === undefined || membership.members().some((member) => member.podId === podId)) return;
    throw new ProblemError(
      'member-not-found',
      `No pod ${podId} is alive: GET /v1/members lists those that are.`,
      {
        field: '/to',
      },
    );
  };

  const sendMessage: Handler = async ({ req }) => {
    requireCoordination();
    const body = await readJson(req, MESSAGE_LIMIT_BYTES);
    refuseTraps(body, 'payload');
    const request = sendRequest(body);
    if (request.type === ELECTION_MESSAGE_TYPE) {
      throw new ProblemError(
        'invalid-body',
        `The type ${request.type} is the sidecar's own: choose another.`,
        {
          field: '/type',
        },
      );
    }
    requireMember(request.to);
    return answerOf(await bus.send(request));
  };

  const receiveMessages: Handler = ({ req, res }) => {
    requireCoordination();
    const from = req.headers['last-event-id'];
    const stream = new EventStream(res, { clock, onOverflow: overflow });
    const subscription = bus.subscribe(
      (event) => stream.send(streamEvent(event)),
      typeof from === 'string' && from !== '' ? { from } : {},
    );
    stream.open(subscription.cursor());
    res.once('close', () => subscription.close());
    return 'streaming';
  };

  return { sendMessage, receiveMessages };
}

const streamEvent = (event: BusEvent): StreamEvent =>
  event.kind === 'message'
    ? { event: 'message', data: event.message, id: event.cursor }
    : { event: 'gap', data: { reason: event.reason } satisfies GapNotice, id: event.cursor };

/** The reader goes on after the newest that was dropped. */
const overflow = (dropped: StreamEvent): StreamEvent => ({
  event: 'gap',
  data: { reason: 'overflow' } satisfies GapNotice,
  ...(dropped.id === undefined ? {} : { id: dropped.id }),
});

function answerOf(outcome: SendOutcome): Answer {
  switch (outcome.kind) {
    case 'sent':
      return { status: 202, body: { id: outcome.id } satisfies SendAnswer };
    case 'rate-limited': {
      const seconds = Math.max(1, Math.ceil(outcome.retryAfterMs / 1000));
      throw new ProblemError(
        'rate-limited',
        `This pod has sent its share of messages of this priority: try again in ${seconds} s, or raise its threshold.`,
        { headers: { 'retry-after': String(seconds) } },
      );
    }
    case 'term-overtaken':
      throw termOvertaken(outcome.highest, '/term');
    case 'too-large':
      throw new ProblemError(
        'body-too-large',
        `The payload has ${outcome.bytes} bytes and may have ${outcome.limitBytes}: send a reference instead.`,
        { field: '/payload' },
      );
    default:
      throw new ProblemError(
        'redis-unavailable',
        `The message was not confirmed (${outcome.reason}): send it again later; a receiver may get it twice.`,
        { headers: { 'retry-after': '1' } },
      );
  }
}
