import { type CoordinationMessage, MAX_PAYLOAD_BYTES, PRIORITIES, type Priority } from '@hyperpage/contract';

/** What travels: a version, then the message. */
const ENVELOPE_VERSION = 1;
/** An envelope that is larger cannot be one of ours: payload, and room for its other fields. */
const MAX_ENVELOPE_BYTES = MAX_PAYLOAD_BYTES + 4096;

export type DecodeFailure = 'oversized' | 'not-json' | 'wrong-version' | 'malformed';
export type Decoded = { message: CoordinationMessage } | { failure: DecodeFailure };

const FIELDS = new Set(['v', 'id', 'type', 'payload', 'timestamp', 'sourcePod', 'priority', 'to']);
const ID = /^[A-Za-z0-9_-]{1,128}$/;
const TYPE = /^[a-z][a-z0-9_.-]{0,63}$/;
const POD = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

export const encodeEnvelope = (message: CoordinationMessage): string =>
  JSON.stringify({ v: ENVELOPE_VERSION, ...message });

/** Strict: every field is there, is what it must be, and there is no other. */
export function decodeEnvelope(text: string): Decoded {
  if (text.length > MAX_ENVELOPE_BYTES || Buffer.byteLength(text) > MAX_ENVELOPE_BYTES) {
    return { failure: 'oversized' };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { failure: 'not-json' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { failure: 'malformed' };
  const fields = value as Record<string, unknown>;
  if (fields['v'] !== ENVELOPE_VERSION) return { failure: 'wrong-version' };
  const message = messageOf(fields);
  return message ? { message } : { failure: 'malformed' };
}

function messageOf(fields: Record<string, unknown>): CoordinationMessage | undefined {
  const { id, type, payload, timestamp, sourcePod, priority, to } = fields;
  const fits =
    Object.keys(fields).every((name) => FIELDS.has(name)) &&
    matches(id, ID) &&
    matches(type, TYPE) &&
    payload !== undefined &&
    Number.isSafeInteger(timestamp) &&
    (timestamp as number) >= 0 &&
    matches(sourcePod, POD) &&
    PRIORITIES.includes(priority as Priority) &&
    (to === undefined || matches(to, POD));
  if (!fits) return undefined;
  return {
    id,
    type,
    payload,
    timestamp: timestamp as number,
    sourcePod,
    priority: priority as Priority,
    ...(to === undefined ? {} : { to }),
  };
}

const matches = (value: unknown, pattern: RegExp): value is string =>
  typeof value === 'string' && pattern.test(value);
