import { startMemoryWorld } from '../../../support/adapter-world.ts';
import { busSuite } from '../../../support/bus-suite.ts';

busSuite('memory', () => startMemoryWorld());
