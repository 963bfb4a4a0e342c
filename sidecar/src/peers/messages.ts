import type { PeerWord, StoredSession } from '../sessions/index.ts';

/** What one sidecar asks of another. */
export type PeerRequest =
  | { do: 'hold'; sessionId: string; held: StoredSession }
  | { do: 'read'; sessionId: string };

/** What crosses the network: JSON, with a session's leaves as pairs. */
export const encodeRequest = (request: PeerRequest): string => JSON.stringify(request, mapsAsPairs);
export const encodeWord = (word: PeerWord): string => JSON.stringify(word, mapsAsPairs);

const mapsAsPairs = (_key: string, value: unknown) => (value instanceof Map ? [...value] : value);

/** @throws Error when it is none: the other one may be of another version. */
export function decodeRequest(text: string): PeerRequest {
  const request = JSON.parse(text) as { do?: unknown; sessionId?: unknown; held?: unknown };
  const { sessionId } = request;
  if (typeof sessionId !== 'string') throw new Error('the request names no session');
  if (request.do === 'read') return { do: 'read', sessionId };
  if (request.do === 'hold') return { do: 'hold', sessionId, held: storedOf(request.held) };
  throw new Error(`a request to ${String(request.do)} is not known here`);
}

/** @throws Error when it is none. */
export function decodeWord(text: string): PeerWord {
  const { consistency, held, pending, now } = JSON.parse(text) as Record<string, unknown>;
  if (consistency !== 'redis' && consistency !== 'peer') throw new Error('the answer is not one of a peer');
  return {
    consistency,
    ...(held === undefined ? {} : { held: storedOf(held) }),
    ...(pending === true ? { pending } : {}),
    ...(now === undefined ? {} : { now: momentOf(now) }),
  };
}

function momentOf(value: unknown): { ms: number; offMs: number } {
  const { ms, offMs } = (value ?? {}) as Record<string, unknown>;
  return { ms: finite(ms), offMs: finite(offMs) };
}

function storedOf(value: unknown): StoredSession {
  const stored = value as Partial<Record<string, unknown>> | null;
  if (typeof stored !== 'object' || stored === null) throw new Error('a session is missing');
  const expiresMs = finite(stored['expiresMs']);
  if (stored['kind'] === 'gone') return { kind: 'gone', expiresMs };
  const { leaves } = stored;
  if (!Array.isArray(leaves) || !leaves.every(isPair)) throw new Error('a session without leaves');
  return {
    kind: 'live',
    leaves: new Map(leaves),
    version: finite(stored['version']),
    createdMs: finite(stored['createdMs']),
    updatedMs: finite(stored['updatedMs']),
    activeMs: finite(stored['activeMs']),
    expiresMs,
    ops: [],
  };
}

const isPair = (pair: unknown): pair is [string, string] =>
  Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string');

function finite(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error('a number is missing');
  return value;
}
