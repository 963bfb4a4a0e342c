export { buildTopology } from './build.ts';
export { type Decision, GHOST_PROOF_MS, judge, type Judgement } from './judge.ts';
export {
  createRedisObserver,
  LAGGING_SECONDS,
  type RedisObservations,
  type RedisSite,
  type TimedRedisObservation,
} from './observer.ts';
export { createRedisProbe, sendRedisOrders } from './probe.ts';
export type * from './types.ts';
