import { HyperpageError } from '../errors.ts';
import {
  mergeSession,
  type SessionData,
  type SessionSnapshot,
  type SessionUpdates,
} from '../sessions/session.ts';
import type { Consistency } from '../wire.ts';
import { createSessionApi, type SessionApi } from './session-api.ts';

/** What components see of the session. A new object whenever anything in it has changed. */
export interface SessionState {
  /** With the changes that are still on their way; null before it is loaded and after clearSession(). */
  readonly session: SessionData | null;
  readonly sessionId: string | null;
  readonly isLoading: boolean;
  /** What went wrong last, for people; null once something has worked again. */
  readonly error: string | null;
  /** Grows with every write; of the last answer. */
  readonly version: number | null;
  /** Where the last answer stands: confirmed by Redis, or held by pods until Redis is back. */
  readonly consistency: Consistency | null;
  /** Whether changes are still on their way. */
  readonly isSaving: boolean;
}

export interface SessionStoreOptions {
  /** The app's session endpoint; `/api/sessions` by default. */
  endpoint?: string;
  /** Another `fetch` than the browser's. */
  fetch?: typeof fetch;
}

const EMPTY: SessionState = {
  session: null,
  sessionId: null,
  isLoading: true,
  error: null,
  version: null,
  consistency: null,
  isSaving: false,
};

const LOST = ['session-not-found', 'session-bound'];

/** One session, shared by every component that uses it.
 *
 *  1. What is shown is always the last answer with the pending changes on top; a change that is refused leaves the
 *     pending ones, and so rolls back by itself.
 *  2. Changes are sent one at a time, in order: two clicks on one switch cannot overtake each other on two pods.
 *  3. An answer older than the one shown (by its version) changes nothing. */
export class SessionStore {
  readonly #api: SessionApi;
  readonly #listeners = new Set<() => void>();
  #state = EMPTY;
  #confirmed: SessionSnapshot | undefined;
  #pending: SessionUpdates[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #loading: Promise<void> | undefined;
  #cookieless = false;

  constructor(options: SessionStoreOptions = {}) {
    const send: typeof fetch = (...request) => (options.fetch ?? fetch)(...request);
    this.#api = createSessionApi(options.endpoint ?? '/api/sessions', send);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#watchFocus(true);
    if (this.#confirmed === undefined && this.#state.isLoading) void this.refreshSession();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#watchFocus(false);
    };
  };

  readonly getSnapshot = (): SessionState => this.#state;

  /** On the server, and while a page hydrates: loading. */
  readonly getServerSnapshot = (): SessionState => EMPTY;

  /** Reads the session anew. Never rejects: what goes wrong is in `error`. */
  readonly refreshSession = (): Promise<void> => {
    this.#loading ??= this.#inTurn(() => this.#load()).finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  };

  /** Shows `updates` at once and sends them. Resolves to whether they were saved; when not they are taken back and
   *  `error` says why. Never rejects. */
  readonly updateSession = (updates: SessionUpdates): Promise<boolean> => {
    this.#pending = [...this.#pending, updates];
    this.#publish({});
    return this.#inTurn(() => this.#save(updates));
  };

  /** Removes the session for good. The next refreshSession() begins a new one. Never rejects. */
  readonly clearSession = (): Promise<void> => this.#inTurn(() => this.#clear());

  async #load(): Promise<void> {
    try {
      this.#accept(await this.#read());
      this.#publish({ isLoading: false, error: null });
    } catch (error) {
      this.#publish({ isLoading: false, error: messageOf(error) });
    }
  }

  async #read(): Promise<SessionSnapshot> {
    const held = this.#confirmed?.sessionId;
    if (held !== undefined && this.#cookieless) return (await this.#readHeld(held)) ?? this.#api.read();
    const answer = await this.#api.read();
    if (held === undefined || answer.sessionId === held) return answer;
    // Another session than ours: ours is gone, or this browser keeps no cookie for us (a Secure one over http).
    const ours = await this.#readHeld(held);
    this.#cookieless = ours !== null;
    return ours ?? answer;
  }

  async #readHeld(sessionId: string): Promise<SessionSnapshot | null> {
    try {
      return await this.#api.read(sessionId);
    } catch (error) {
      // Kept to another address (sessions.bindIp), it is as good as gone.
      if (error instanceof HyperpageError && LOST.includes(error.code)) return null;
      throw error;
    }
  }

  async #save(updates: SessionUpdates): Promise<boolean> {
    try {
      if (this.#confirmed === undefined) this.#accept(await this.#api.read());
      const { sessionId } = this.#confirmed as SessionSnapshot;
      const answer = await this.#api.update(sessionId, updates);
      this.#settle(updates);
      this.#accept(answer);
      this.#publish({ isLoading: false, error: null });
      return true;
    } catch (error) {
      this.#settle(updates);
      this.#publish({ isLoading: false, error: messageOf(error) });
      return false;
    }
  }

  async #clear(): Promise<void> {
    const held = this.#confirmed?.sessionId;
    try {
      if (held !== undefined) await this.#api.remove(held);
    } catch (error) {
      const gone = error instanceof HyperpageError && error.code === 'session-not-found';
      if (!gone) return this.#publish({ error: messageOf(error) });
    }
    this.#confirmed = undefined;
    this.#publish({ isLoading: false, error: null });
  }

  #settle(updates: SessionUpdates): void {
    this.#pending = this.#pending.filter((pending) => pending !== updates);
  }

  #accept(answer: SessionSnapshot): void {
    const shown = this.#confirmed;
    if (shown?.sessionId === answer.sessionId && answer.version < shown.version) return; // Rule 3.
    this.#confirmed = answer;
  }

  #publish(change: Partial<Pick<SessionState, 'isLoading' | 'error'>>): void {
    const confirmed = this.#confirmed;
    this.#state = {
      ...this.#state,
      ...change,
      session: confirmed ? this.#pending.reduce(mergeSession, confirmed.session) : null,
      sessionId: confirmed?.sessionId ?? null,
      version: confirmed?.version ?? null,
      consistency: confirmed?.consistency ?? null,
      isSaving: this.#pending.length > 0,
    };
    for (const listener of this.#listeners) listener();
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(step);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  readonly #onFocus = (): void => {
    if (this.#confirmed !== undefined && document.visibilityState === 'visible') void this.refreshSession();
  };

  #watchFocus(on: boolean): void {
    if (typeof window === 'undefined') return;
    const change = on ? 'addEventListener' : 'removeEventListener';
    window[change]('focus', this.#onFocus);
    document[change]('visibilitychange', this.#onFocus);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
