/* oxlint-disable typescript/no-floating-promises, typescript/no-misused-promises -- the spec's own text */
/** The product spec's own examples, to the letter but for their import lines: that they compile is the test. */
import { type LeaderElection, podCoordinator, type SessionData, SessionManager } from '@hyperpage/client';
import { useSession } from '@hyperpage/client/react';

export async function specSessions(sessionId: string) {
  const sessionManager = new SessionManager();

  // Create new session
  const session = sessionManager.createSession();

  // Get existing session
  const existing = await sessionManager.getSession(sessionId);

  // Update session data
  await sessionManager.updateSession(sessionId, {
    preferences: { theme: 'dark' },
    uiState: { expandedWidgets: ['github-issues'] },
  });

  // Delete session
  await sessionManager.deleteSession(sessionId);
  return [session, existing] satisfies Array<SessionData | null>;
}

export async function specCoordination(console: { log(...words: unknown[]): void }) {
  // Broadcast to all pods
  await podCoordinator.broadcast('cache_invalidate', {
    keys: ['user:123:settings'],
    source: 'admin-panel',
  });

  // Send to specific pod
  await podCoordinator.sendToPod('pod-abc-123', 'job_coordination', {
    operation: 'cache_warmup',
    data: { userIds: [1, 2, 3] },
  });

  // Coordinate as leader
  if (podCoordinator.getIsLeader()) {
    await podCoordinator.coordinate('bg_job_balance', {
      redistribute: true,
    });
  }

  // Register message handlers
  podCoordinator.onMessage('cache_invalidate', (message) => {
    // Handle cache invalidation
    console.log('Invalidating keys:', message.payload.keys);
  });

  // Get current leader
  const leader = await podCoordinator.getLeader();

  // Check if this pod is leader
  const isLeader = podCoordinator.getIsLeader();

  // Handle leadership changes
  podCoordinator.onMessage('election', (message) => {
    if (message.payload.newLeader) {
      console.log('New leader elected:', message.payload.newLeader);
    }
  });
  return { leader, isLeader } satisfies { leader: LeaderElection | null; isLeader: boolean };
}

export function MyComponent() {
  const { session, sessionId, isLoading, error, updateSession, refreshSession, clearSession } = useSession();

  const handleThemeChange = (theme: string) => {
    updateSession({ preferences: { theme } });
  };

  const handleWidgetExpand = (widgetId: string) => {
    const expanded = session?.uiState.expandedWidgets || [];
    const newExpanded = expanded.includes(widgetId)
      ? expanded.filter((id) => id !== widgetId)
      : [...expanded, widgetId];

    updateSession({
      uiState: { expandedWidgets: newExpanded },
    });
  };

  if (isLoading) return <div>Loading session...</div>;
  if (error) return <div>Error: {error}</div>;

  return (
    <div>
      <h2>Welcome, Session: {sessionId}</h2>
      <button onClick={() => handleThemeChange('dark')}>Switch to Dark Mode</button>
      <button onClick={() => handleWidgetExpand('github-prs')}>Expand</button>
      <button onClick={refreshSession}>Refresh</button>
      <button onClick={clearSession}>Clear</button>
    </div>
  );
}
