import { randomBytes } from 'node:crypto';
import type { SessionCreateRequest, SessionUpdates } from '@hyperpage/contract';
import { sendEach } from './load/each.ts';
import type { HttpRequest } from './load/job.ts';

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

/** The product spec's own example of an answer (section 1, GET /api/sessions): a session nobody has changed yet. */
export const specExample: SessionUpdates = {
  preferences: { theme: 'system', timezone: 'UTC', language: 'en', refreshInterval: 300_000 },
  uiState: { expandedWidgets: [], lastVisitedTools: [], dashboardLayout: 'default' },
  toolConfigs: {},
};

const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';
const METADATA = { ipAddress: '203.0.113.7', userAgent: USER_AGENT };

/** Makes sessions through a sidecar, as an app does, and gives their ids. @throws Error when it refuses one. */
export async function createSessions(
  port: number,
  count: number,
  updates: (user: number) => SessionUpdates = sampleUpdates,
): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomBytes(24).toString('base64url'));
  await sendEach(port, requestsFor(ids, updates));
  return ids;
}

function* requestsFor(
  ids: readonly string[],
  updates: (user: number) => SessionUpdates,
): Generator<HttpRequest> {
  for (const [user, sessionId] of ids.entries()) {
    const request: SessionCreateRequest = { sessionId, updates: updates(user), metadata: METADATA };
    yield { method: 'POST', path: '/v1/sessions', body: JSON.stringify(request) };
  }
}
