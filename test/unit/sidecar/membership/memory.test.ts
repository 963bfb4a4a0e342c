import { startMemoryWorld } from '../../../support/adapter-world.ts';
import { membershipSuite } from '../../../support/membership-suite.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

membershipSuite('memory', () => startMemoryWorld(new VirtualClock()));
