export { type FallbackOptions, type FallbackTarget, withFallback } from './fallback.ts';
export { createMemoryTarget } from './memory-target.ts';
export { fallbackMetrics } from './metrics.ts';
export type { StoredSession } from './operation.ts';
export type * from './peers.ts';
export type * from './port.ts';
export { createRedisTarget, type RedisTargetOptions } from './redis-target.ts';
export { createSessionStore, type SessionStoreOptions } from './store.ts';
export type { SessionTarget } from './target.ts';
