import type { SessionData, SessionUpdates } from '@hyperpage/contract';

/** A new session that begins with `updates`. */
export const withUpdates = (session: SessionData, updates: SessionUpdates): SessionData => ({
  ...session,
  ...(updates.userId === undefined ? {} : { userId: updates.userId }),
  preferences: { ...session.preferences, ...updates.preferences },
  uiState: { ...session.uiState, ...updates.uiState },
  toolConfigs: { ...session.toolConfigs, ...updates.toolConfigs },
});
