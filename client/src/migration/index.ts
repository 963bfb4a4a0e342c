export type { InvalidSession, MigrationCheckpoint, MigrationTotals } from './ledger.ts';
export {
  type LocalSessions,
  type MigrationOptions,
  type MigrationProgress,
  type MigrationResult,
  migrateLocalSessionsToRedis,
} from './migrate.ts';
