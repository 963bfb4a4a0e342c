import { startMemoryWorld } from '../../../support/adapter-world.ts';
import { sessionFallbackSuite } from '../../../support/session-fallback-suite.ts';
import { sessionStoreSuite } from '../../../support/session-store-suite.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

sessionStoreSuite('memory', () => startMemoryWorld(new VirtualClock()));
sessionFallbackSuite('memory', () => startMemoryWorld(new VirtualClock()), 'peer');
