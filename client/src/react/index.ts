/** The session in React components. */
export { type SessionState, SessionStore, type SessionStoreOptions } from './store.ts';
export { type UseSession, useSession, useSessionState } from './use-session.ts';
