import { createHash } from 'node:crypto';
import { CLOCK_LUA } from './lua/clock.ts';
import { MEMBERS_LUA } from './lua/members.ts';
import { MESSAGES_LUA } from './lua/messages.ts';
import { SESSIONS_LUA } from './lua/sessions.ts';
import { TERMS_LUA } from './lua/terms.ts';

/** The functions, each with its flags. `allow-oom`: freeing and the small must go on when Redis is full. */
const FUNCTIONS = {
  session_write: [],
  session_merge: [],
  session_read: ['allow-oom'],
  session_peek: ['no-writes'],
  session_remove: ['allow-oom'],
  sessions_count: ['no-writes'],
  sessions_sweep: ['allow-oom'],
  message_publish: [],
  message_read: ['no-writes'],
  members_beat: ['allow-oom'],
  members_leave: ['allow-oom'],
  term_raise: ['allow-oom'],
} as const;

export type FunctionName = keyof typeof FUNCTIONS;

const BODY = [CLOCK_LUA, TERMS_LUA, SESSIONS_LUA, MESSAGES_LUA, MEMBERS_LUA].join('\n');

/** Library and functions carry a fingerprint of their text: sidecars of two versions, side by side during a rollout,
 *  each call their own and neither replaces the other's. */
export const LIBRARY_NAME = `hyperpage_${createHash('sha256')
  .update(BODY + JSON.stringify(FUNCTIONS))
  .digest('hex')
  .slice(0, 10)}`;

/** Name of a function as Redis knows it. */
export const functionName = (name: FunctionName) => `${LIBRARY_NAME}_${name}`;

const registration = ([name, flags]: [string, readonly string[]]) =>
  `redis.register_function{function_name='${LIBRARY_NAME}_${name}', callback=${name}, ` +
  `flags={${flags.map((flag) => `'${flag}'`).join(', ')}}}`;

/** What FUNCTION LOAD takes. */
export const LIBRARY_SOURCE = `#!lua name=${LIBRARY_NAME}
${BODY}
${Object.entries(FUNCTIONS).map(registration).join('\n')}
`;
