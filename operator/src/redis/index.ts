export { buildTopology } from './build.ts';
export {
  type Decision,
  GHOST_PROOF_MS,
  type Judgement,
  judge,
  type Lasting,
  STRANDED_PROOF_MS,
} from './judge.ts';
export { nextStep, type Step, type Task, type UpkeepView } from './next-step.ts';
export {
  createRedisObserver,
  LAGGING_SECONDS,
  type RedisObservations,
  type RedisSite,
  type TimedRedisObservation,
} from './observer.ts';
export { sendRedisOrders } from './orders.ts';
export { createRedisProbe, digestOf } from './probe.ts';
export { createSettingMemory, type SettingMemory, type SettingNames } from './settings.ts';
export { STRANGER_PROOF_MS, strangersOf } from './strangers.ts';
export { type SwitchOver, switchOver } from './switch-over.ts';
export type * from './types.ts';
export { notWhole, type RedisPod } from './whole.ts';
