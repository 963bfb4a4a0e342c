import type { Entry } from '../entry.ts';
import { sessions } from './sessions.ts';

/** All entries, in the order in which they run: the quick ones first. */
export const ENTRIES: readonly Entry[] = [sessions];
