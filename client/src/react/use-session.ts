import { useSyncExternalStore } from 'react';
import type { SessionData, SessionUpdates } from '../sessions/session.ts';
import { type SessionState, SessionStore } from './store.ts';

/** The spec's hook, section 1, "useSession Hook". */
export interface UseSession {
  /** The session with your changes already in it; null before it is loaded and after clearSession(). */
  session: SessionData | null;
  sessionId: string | null;
  isLoading: boolean;
  /** What went wrong last, for people; null once something has worked again. */
  error: string | null;
  /** Shows the change at once and sends it; a change that is refused is taken back, and `error` says why. Resolves to
   *  whether it was saved. */
  updateSession: (updates: SessionUpdates) => Promise<boolean>;
  /** Reads the session anew, or begins a new one after clearSession(). */
  refreshSession: () => Promise<void>;
  /** Removes the session for good. */
  clearSession: () => Promise<void>;
}

let shared: SessionStore | undefined;
const sharedStore = () => {
  shared ??= new SessionStore();
  return shared;
};

/** The session of this browser, by the app's `/api/sessions`: one for all components, read anew when the window gets
 *  the focus. @param store another one than the shared, such as for another endpoint */
export function useSession(store: SessionStore = sharedStore()): UseSession {
  const { session, sessionId, isLoading, error } = useSessionState(store);
  const { updateSession, refreshSession, clearSession } = store;
  return { session, sessionId, isLoading, error, updateSession, refreshSession, clearSession };
}

/** What stands behind the session: its version, where the last answer stands, whether changes are on their way. */
export function useSessionState(store: SessionStore = sharedStore()): SessionState {
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getServerSnapshot);
}
