export { createMembership, type MembershipOptions } from './membership.ts';
export { createMemoryRegistry } from './memory-registry.ts';
export type * from './port.ts';
export { createRedisRegistry } from './redis-registry.ts';
