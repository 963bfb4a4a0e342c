import { startRedisWorld } from '../support/redis-world.ts';
import { sessionFallbackSuite } from '../support/session-fallback-suite.ts';
import { sessionStoreSuite } from '../support/session-store-suite.ts';

sessionStoreSuite('a real Redis', startRedisWorld);
sessionFallbackSuite('a real Redis', startRedisWorld, 'local');
