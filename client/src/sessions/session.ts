import type { Consistency, SessionAnswer, WireSession } from '../wire.ts';

export interface ToolConfig {
  enabled: boolean;
  settings: Record<string, unknown>;
  lastUsed: Date;
}

/** The product spec's `SessionData`, section 1. */
export interface SessionData {
  userId?: string;
  preferences: {
    theme: 'light' | 'dark' | 'system';
    timezone: string;
    language: string;
    /** Milliseconds. */
    refreshInterval: number;
  };
  uiState: {
    expandedWidgets: string[];
    lastVisitedTools: string[];
    dashboardLayout: string;
    filterSettings: Record<string, unknown>;
  };
  /** A tool that was only ever given one field has only that one. */
  toolConfigs: Record<string, Partial<ToolConfig>>;
  lastActivity: Date;
  metadata: { ipAddress: string; userAgent: string; created: Date; updated: Date };
}

type Text<T extends string> = T | (string & {});

/** What may be changed: every field is optional and an absent one stays as it is; a list or a record of settings is
 *  replaced as a whole. The sidecar refuses what does not fit, such as a theme that it does not know. */
export interface SessionUpdates {
  userId?: string;
  preferences?: Partial<Omit<SessionData['preferences'], 'theme'>> & {
    theme?: Text<SessionData['preferences']['theme']>;
  };
  uiState?: Partial<SessionData['uiState']>;
  toolConfigs?: Record<string, Partial<ToolConfig>>;
}

/** A session with what the cluster says of it. */
export interface SessionSnapshot {
  sessionId: string;
  session: SessionData;
  /** Grows with every write; give it as `ifVersion` to write only on top of what you have read. */
  version: number;
  /** Where this answer stands: `redis`, confirmed there; `peer`, held by other pods; `local`, by one pod only. */
  consistency: Consistency;
}

/** Makes `Date`s of the strings that JSON carries. */
export const sessionFromWire = (wire: WireSession): SessionData => ({
  ...wire,
  toolConfigs: Object.fromEntries(
    Object.entries(wire.toolConfigs).map(([tool, { lastUsed, ...config }]) => [
      tool,
      lastUsed === undefined ? config : { ...config, lastUsed: new Date(lastUsed) },
    ]),
  ),
  lastActivity: new Date(wire.lastActivity),
  metadata: {
    ...wire.metadata,
    created: new Date(wire.metadata.created),
    updated: new Date(wire.metadata.updated),
  },
});

export const snapshotFromWire = (answer: SessionAnswer): SessionSnapshot => ({
  sessionId: answer.sessionId,
  session: sessionFromWire(answer.session),
  version: answer.version,
  consistency: answer.consistency,
});

/** The session as it will be once `updates` are in: what the sidecar does field by field, done here ahead of its
 *  answer. Neither argument is changed. */
export function mergeSession(session: SessionData, updates: SessionUpdates): SessionData {
  const toolConfigs = { ...session.toolConfigs };
  for (const [tool, config] of Object.entries(updates.toolConfigs ?? {}))
    toolConfigs[tool] = { ...toolConfigs[tool], ...config };
  return {
    ...session,
    ...(updates.userId === undefined ? {} : { userId: updates.userId }),
    preferences: { ...session.preferences, ...updates.preferences } as SessionData['preferences'],
    uiState: { ...session.uiState, ...updates.uiState },
    toolConfigs,
  };
}

/** A new session with the spec's defaults, as the sidecar makes it. */
export const newSession = (now: Date, metadata: { ipAddress: string; userAgent: string }): SessionData => ({
  preferences: { theme: 'system', timezone: 'UTC', language: 'en', refreshInterval: 300_000 },
  uiState: { expandedWidgets: [], lastVisitedTools: [], dashboardLayout: 'default', filterSettings: {} },
  toolConfigs: {},
  lastActivity: now,
  metadata: { ...metadata, created: now, updated: now },
});

/** A session id nobody can guess: 128 random bits in 22 characters of base64url. */
export function newSessionId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}
