import { randomBytes } from 'node:crypto';
import type { SessionUpdates } from '@hyperpage/contract';

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

/** As unguessable as the sidecar wants it. */
export const newSessionId = (): string => randomBytes(24).toString('base64url');
