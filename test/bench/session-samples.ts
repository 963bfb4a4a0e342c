import { randomBytes } from 'node:crypto';
import type { SessionCreateRequest, SessionUpdates } from '@hyperpage/contract';

/** A session of a real user: about 800 bytes as JSON with the server's own fields. */
export const sampleUpdates = (user: number): SessionUpdates => ({
  userId: `user-${String(user).padStart(6, '0')}`,
  preferences: { theme: user % 2 === 0 ? 'dark' : 'light', timezone: 'Europe/Berlin', language: 'de-DE' },
  uiState: {
    expandedWidgets: ['pull-requests', 'pipelines', 'error-budget'],
    lastVisitedTools: ['github', 'gitlab', 'jira'],
    dashboardLayout: 'two-columns',
    filterSettings: { status: 'open', team: 'platform', labels: ['bug', 'urgent'] },
  },
  toolConfigs: {
    github: { enabled: true, settings: { repository: 'hyperpage/hyperpage', pageSize: 25 } },
    jira: { enabled: false, settings: { project: 'PLAT', board: 42 } },
  },
});

/** What a user's click writes: about a third of the session. */
export const sampleWrite = (turn: number): SessionUpdates => ({
  preferences: { theme: turn % 2 === 0 ? 'light' : 'dark', refreshInterval: 60_000 + (turn % 100) },
  uiState: { lastVisitedTools: ['github', 'gitlab', `tool-${turn % 1000}`] },
  toolConfigs: { jira: { enabled: turn % 3 === 0 } },
});

/** Makes sessions through a sidecar, as an app does, and gives their ids. @throws Error when it refuses one. */
export async function createSessions(url: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomBytes(24).toString('base64url'));
  for (const [user, sessionId] of ids.entries()) {
    const request: SessionCreateRequest = {
      sessionId,
      updates: sampleUpdates(user),
      metadata: { ipAddress: '203.0.113.7', userAgent: 'Mozilla/5.0 (X11; Linux x86_64)' },
    };
    const answer = await fetch(`${url}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    if (!answer.ok) throw new Error(`POST /v1/sessions: ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
  }
  return ids;
}
