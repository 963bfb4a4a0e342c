export { type BusOptions, boundsOf, createBus } from './bus.ts';
export { type CallbackOptions, deliverToCallback } from './callback.ts';
export type { MessageLog } from './log.ts';
export { createMemoryLog } from './memory-log.ts';
export { busMetrics } from './metrics.ts';
export type * from './port.ts';
export { createRedisLog } from './redis-log.ts';
