import { randomBytes } from 'node:crypto';

/** Names one life of a process: a restarted one is another candidate, another member and another sender. */
export const newBootId = () => randomBytes(6).toString('hex');
