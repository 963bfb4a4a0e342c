import { type Static, Type } from 'typebox';

/** Every error of the sidecar's API: its code, HTTP status and title. The code is the last part of the problem's
 *  `type`, and is what a program should look at (RFC 9457, section 3.1). */
export const PROBLEMS = {
  'bad-request': { status: 400, title: 'The request is malformed' },
  'invalid-body': { status: 400, title: 'The body does not fit' },
  'invalid-query': { status: 400, title: 'The query does not fit' },
  'forbidden-host': { status: 403, title: 'That host name is not for this API' },
  'session-bound': { status: 403, title: 'That session is of another address' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'session-not-found': { status: 404, title: 'No such session' },
  'member-not-found': { status: 404, title: 'No such member' },
  'method-not-allowed': { status: 405, title: 'That method is not for this path' },
  'not-leader': { status: 409, title: 'This pod does not lead' },
  'term-overtaken': { status: 409, title: 'A later leader is known' },
  'session-exists': { status: 409, title: 'That session exists already' },
  'version-conflict': { status: 412, title: 'The session has changed since' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body must be application/json' },
  'rate-limited': { status: 429, title: 'Too many messages of this priority' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  internal: { status: 500, title: 'The sidecar failed' },
  'session-damaged': { status: 500, title: 'What is stored is not a session' },
  'not-ready': { status: 503, title: 'Not ready yet' },
  'redis-unavailable': { status: 503, title: 'Redis is not reachable' },
  'not-acknowledged': { status: 503, title: 'The write was not confirmed by a replica' },
  'coordination-disabled': { status: 503, title: 'Coordination is off' },
  'election-disabled': { status: 503, title: 'Leader election is off' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** Media type of every error answer (RFC 9457). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

export const ProblemDocument = Type.Object(
  {
    type: Type.String({ description: 'urn:hyperpage:problem:CODE' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What was wrong here, and what to do about it.' }),
    code: Type.String({ description: 'The last part of type.' }),
    field: Type.Optional(Type.String({ description: 'JSON pointer or name of what was wrong.' })),
  },
  { description: 'RFC 9457 problem document.' },
);
export type ProblemDocument = Static<typeof ProblemDocument>;

export const problemDocument = (code: ProblemCode, detail: string, field?: string): ProblemDocument => ({
  type: `urn:hyperpage:problem:${code}`,
  title: PROBLEMS[code].title,
  status: PROBLEMS[code].status,
  detail,
  code,
  ...(field === undefined ? {} : { field }),
});
