import { TERM_HEADER } from '@hyperpage/contract';
import type { CreateOutcome, ReadOutcome, RemoveOutcome, UpdateOutcome } from '../sessions/index.ts';
import { ProblemError } from './problem.ts';
import { termOvertaken } from './term.ts';

type Failure = Exclude<CreateOutcome | ReadOutcome | UpdateOutcome | RemoveOutcome, { kind: 'ok' }>;

/** @throws ProblemError always: the store's refusal, with what to do about it. */
export function sessionProblem(failure: Failure, sessionId: string): never {
  switch (failure.kind) {
    case 'not-found':
      throw new ProblemError(
        'session-not-found',
        'There is no such session, or its time is over: GET /api/sessions without an id makes a new one.',
        { field: 'sessionId' },
      );
    case 'taken':
      throw new ProblemError(
        'session-exists',
        `There is or lately was a session ${sessionId.slice(0, 128)}: choose another id, or leave it out.`,
        { field: '/sessionId' },
      );
    case 'version-conflict':
      throw new ProblemError(
        'version-conflict',
        `The session is at version ${failure.version} by now: read it again and repeat the change.`,
        { field: 'If-Match', headers: { etag: `"${failure.version}"` } },
      );
    case 'term-overtaken':
      throw termOvertaken(failure.highest, TERM_HEADER);
    case 'too-large':
      throw new ProblemError(
        'body-too-large',
        `The session would have ${failure.bytes} bytes and may have ${failure.limitBytes}: keep less in it.`,
      );
    case 'damaged':
      throw new ProblemError(
        'session-damaged',
        'What is stored under this id is not a session; it is left as it is. Delete it or use another id.',
        { field: 'sessionId' },
      );
    case 'not-acknowledged':
      throw new ProblemError(
        'not-acknowledged',
        `Only ${failure.got} of ${failure.wanted} replicas confirmed the write in time: it may be lost; repeat it.`,
        { headers: { 'retry-after': '1' } },
      );
    default:
      throw new ProblemError(
        'redis-unavailable',
        `Sessions cannot be reached (${failure.reason}): try again.`,
        {
          headers: { 'retry-after': '1' },
        },
      );
  }
}
