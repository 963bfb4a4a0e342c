export type { SessionData, SessionSnapshot, SessionUpdates, ToolConfig } from './session.ts';
export { type CreatedSession, type CreateOptions, SessionManager } from './session-manager.ts';
