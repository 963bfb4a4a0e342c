export { createMemoryTarget } from './memory-target.ts';
export type * from './port.ts';
export { createSessionStore, type SessionStoreOptions } from './store.ts';
