export { createMemoryTarget } from './memory-target.ts';
export type * from './port.ts';
export { createRedisTarget, type RedisTargetOptions } from './redis-target.ts';
export { createSessionStore, type SessionStoreOptions } from './store.ts';
