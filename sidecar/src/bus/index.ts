export { type BusOptions, boundsOf, createBus } from './bus.ts';
export { createMemoryLog } from './memory-log.ts';
export { busMetrics } from './metrics.ts';
export type * from './port.ts';
export { createRedisLog } from './redis-log.ts';
