import { busSuite } from '../support/bus-suite.ts';
import { startRedisWorld } from '../support/redis-world.ts';

busSuite('a real Redis', startRedisWorld);
