export * from './queue.ts';
export type * from './types.ts';
