import { errorOf, HyperpageError } from '../errors.ts';
import { type SessionSnapshot, type SessionUpdates, snapshotFromWire } from '../sessions/session.ts';
import type { SessionAnswer } from '../wire.ts';

/** The app's `/api/sessions`, as a browser sees it: the session's cookie goes along by itself. */
export interface SessionApi {
  /** The session of the cookie or of `sessionId`; without either a new one. */
  read(sessionId?: string): Promise<SessionSnapshot>;
  update(sessionId: string, updates: SessionUpdates): Promise<SessionSnapshot>;
  remove(sessionId: string): Promise<void>;
}

export function createSessionApi(endpoint: string, send: typeof fetch): SessionApi {
  const call = async (method: string, sessionId: string | undefined, body?: unknown): Promise<Response> => {
    const query = sessionId === undefined ? '' : `?sessionId=${encodeURIComponent(sessionId)}`;
    let response: Response;
    try {
      response = await send(`${endpoint}${query}`, {
        method,
        credentials: 'same-origin',
        cache: 'no-store',
        headers: {
          accept: 'application/json, application/problem+json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      throw new HyperpageError(
        'unreachable',
        'The server cannot be reached; check your connection and try again.',
        {
          cause,
        },
      );
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  };
  const snapshotOf = async (response: Response) => snapshotFromWire((await response.json()) as SessionAnswer);
  return {
    read: async (sessionId) => snapshotOf(await call('GET', sessionId)),
    // The id is in the body, and so in no access log.
    update: async (sessionId, updates) => snapshotOf(await call('POST', undefined, { sessionId, updates })),
    remove: async (sessionId) => {
      await call('DELETE', sessionId);
    },
  };
}
