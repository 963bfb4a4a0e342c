import { startRedisWorld } from '../support/redis-world.ts';
import { sessionStoreSuite } from '../support/session-store-suite.ts';

sessionStoreSuite('a real Redis', startRedisWorld);
