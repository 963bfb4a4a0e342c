import { Connection, type ConnectionOptions } from '../connection.ts';
import { HyperpageError } from '../errors.ts';
import type { SessionAnswer } from '../wire.ts';
import {
  mergeSession,
  newSession,
  newSessionId,
  type SessionData,
  type SessionSnapshot,
  type SessionUpdates,
  snapshotFromWire,
} from './session.ts';

const PATH = '/api/sessions';

/** A session that was just made here: its data at once, and the promise that it is stored. */
export interface CreatedSession extends SessionData {
  readonly sessionId: string;
  /** Settles when the cluster has it. @throws HyperpageError */
  readonly saved: Promise<SessionSnapshot>;
}

export interface CreateOptions {
  /** What the session begins with, on top of the defaults. */
  updates?: SessionUpdates;
  /** Whose session it is. */
  metadata?: { ipAddress?: string; userAgent?: string };
  /** The term under which this pod leads (`runWhileLeader`): the write is refused once a later leader is known. */
  term?: number;
}

/** Sessions shared by all pods (spec, section 1). Instances hold no sessions: make as many as you like. */
export class SessionManager {
  readonly #sidecar: Connection;
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(options: ConnectionOptions = {}) {
    this.#sidecar = new Connection(options);
  }

  /** Makes a session and gives it at once; it is written behind. Await `saved` before you promise it to anyone. The
   *  other methods of this instance wait for it by themselves. */
  createSession({ updates = {}, metadata = {}, term }: CreateOptions = {}): CreatedSession {
    const sessionId = newSessionId();
    const saved = this.#sidecar
      .json<SessionAnswer>('POST', '/v1/sessions', {
        body: { sessionId, updates, metadata },
        headers: conditions({ term }),
      })
      .then(snapshotFromWire);
    const settled = saved.then(
      () => this.#underWay.delete(sessionId),
      // Whoever awaits `saved` gets the error; who does not must not lose the process to it.
      () => this.#underWay.delete(sessionId),
    );
    this.#underWay.set(sessionId, settled);
    const session = newSession(new Date(), { ipAddress: '', userAgent: '', ...metadata });
    return { ...mergeSession(session, updates), sessionId, saved };
  }

  /** The session, or null when there is none (any more). @throws HyperpageError */
  async getSession(sessionId: string): Promise<SessionData | null> {
    return (await this.readSession(sessionId))?.session ?? null;
  }

  /** The session with its version and consistency, or null when there is none (any more). @throws HyperpageError */
  async readSession(sessionId: string): Promise<SessionSnapshot | null> {
    await this.#underWay.get(sessionId);
    const answer = await unlessMissing(
      this.#sidecar.json<SessionAnswer>('GET', PATH, { query: { sessionId } }),
    );
    return answer === null ? null : snapshotFromWire(answer);
  }

  /** Changes the given fields; two pods that change different fields both win.
   *  @param options.ifVersion write only if nobody has written since that version.
   *  @param options.term write only if no later leader is known; needs Redis.
   *  @throws HyperpageError `session-not-found`, `version-conflict`, `term-overtaken`, `not-acknowledged` … */
  async updateSession(
    sessionId: string,
    updates: SessionUpdates,
    options: { ifVersion?: number; term?: number } = {},
  ): Promise<SessionSnapshot> {
    await this.#underWay.get(sessionId);
    const answer = await this.#sidecar.json<SessionAnswer>('PATCH', PATH, {
      query: { sessionId },
      body: updates,
      headers: conditions(options),
    });
    return snapshotFromWire(answer);
  }

  /** Removes the session for good. False when there was none.
   *  @param options.term as for `updateSession`.
   *  @throws HyperpageError */
  async deleteSession(sessionId: string, options: { term?: number } = {}): Promise<boolean> {
    await this.#underWay.get(sessionId);
    const gone = await unlessMissing(
      this.#sidecar
        .json('DELETE', PATH, { query: { sessionId }, headers: conditions(options) })
        .then(() => true),
    );
    return gone ?? false;
  }
}

/** Under which a write is done. */
const conditions = ({ ifVersion, term }: { ifVersion?: number | undefined; term?: number | undefined }) => ({
  ...(ifVersion === undefined ? {} : { 'if-match': `"${ifVersion}"` }),
  ...(term === undefined ? {} : { 'hyperpage-term': String(term) }),
});

async function unlessMissing<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof HyperpageError && error.code === 'session-not-found') return null;
    throw error;
  }
}
