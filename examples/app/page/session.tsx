import { type SessionState, type SessionStore, useSession, useSessionState } from '@hyperpage/client/react';
import { Pod } from './pod.tsx';
import { THEMES } from './theme.ts';

/** The session of this browser: the same whichever pod answers. */
export function Session({ store, answeredBy }: { store: SessionStore; answeredBy: string | null }) {
  const { session, sessionId, isLoading, error, updateSession, refreshSession, clearSession } =
    useSession(store);
  const state = useSessionState(store);
  return (
    <section className="session" aria-labelledby="session-title">
      <h2 id="session-title">Session</h2>
      <fieldset className="segments" disabled={isLoading}>
        <legend>Theme</legend>
        {THEMES.map((theme) => (
          <label key={theme}>
            <input
              type="radio"
              name="theme"
              value={theme}
              checked={session?.preferences.theme === theme}
              onChange={() => void updateSession({ preferences: { theme } })}
            />
            <span>{theme}</span>
          </label>
        ))}
      </fieldset>
      <dl>
        <dt>Standing</dt>
        <dd className={`consistency consistency-${state.consistency ?? 'none'}`} data-testid="consistency">
          {standingOf(state)}
        </dd>
        <dt>Version</dt>
        <dd data-testid="version">{state.version ?? '–'}</dd>
        <dt>Answered by</dt>
        <dd data-testid="answered-by">{answeredBy === null ? '–' : <Pod name={answeredBy} />}</dd>
        <dt>Id</dt>
        <dd className="id" data-testid="session-id">
          {sessionId ?? '–'}
        </dd>
      </dl>
      <p className="actions">
        <button type="button" onClick={() => void refreshSession()}>
          {sessionId === null && !isLoading ? 'Begin a session' : 'Read again'}
        </button>
        <button type="button" disabled={sessionId === null} onClick={() => void clearSession()}>
          Delete
        </button>
      </p>
      <p className="outcome outcome-bad" role="alert">
        {error}
      </p>
    </section>
  );
}

/** Where the session stands, in words. */
export function standingOf({ consistency, isLoading, isSaving, session }: SessionState): string {
  if (isLoading) return 'loading…';
  if (session === null) return 'no session';
  if (isSaving) return 'saving…';
  switch (consistency) {
    case 'redis':
      return 'stored for all pods';
    case 'peer':
      return 'held by other pods until Redis is back';
    default:
      return 'held by one pod until Redis is back';
  }
}
