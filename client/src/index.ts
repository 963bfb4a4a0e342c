/** The SDK for a server: sessions that all pods share, messages between them, and who leads. */
export type { ConnectionOptions } from './connection.ts';
export * from './coordination/index.ts';
export { HyperpageError, NotLeaderError } from './errors.ts';
export * from './migration/index.ts';
export * from './sessions/index.ts';
export type {
  Consistency,
  CoordinationMessage,
  GapNotice,
  LeaderElection,
  LeaderView,
  Member,
  Priority,
} from './wire.ts';
