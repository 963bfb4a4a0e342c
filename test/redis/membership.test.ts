import { membershipSuite } from '../support/membership-suite.ts';
import { startRedisWorld } from '../support/redis-world.ts';

membershipSuite('a real Redis', startRedisWorld);
