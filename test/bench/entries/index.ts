import type { Entry } from '../entry.ts';
import { broadcast } from './broadcast.ts';
import { memory } from './memory.ts';
import { outage } from './outage.ts';
import { ready } from './ready.ts';
import { sessions } from './sessions.ts';
import { sessionsMemory } from './sessions-memory.ts';
import { takeover } from './takeover.ts';

/** All entries, in the order in which they run. */
export const ENTRIES: readonly Entry[] = [
  sessions,
  sessionsMemory,
  broadcast,
  memory,
  takeover,
  ready,
  outage,
];
