export type * from './cache.ts';
export type * from './events.ts';
export type * from './objects.ts';
export type * from './reflector.ts';
export * from './resources.ts';
export type * from './wire.ts';
