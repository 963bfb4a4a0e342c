export { createRedisLink, type FunctionCall, type RedisLink } from './link.ts';
export { type RedisTarget, redisTarget } from './options.ts';
export type * from './port.ts';
export { createRedisTermFloor, termFloorKey } from './term-floor.ts';
