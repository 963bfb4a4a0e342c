export type { Cache, Change } from './cache.ts';
export * from './endpoint.ts';
export * from './events.ts';
export * from './objects.ts';
export type { WatchEnd } from './recovery.ts';
export * from './reflector.ts';
export * from './resources.ts';
export type * from './wire.ts';
