import type { IncomingMessage } from 'node:http';
import { TERM_HEADER } from '@hyperpage/contract';
import { ProblemError } from './problem.ts';

/** The term under which the app writes, as the header says; undefined: under none. @throws ProblemError 400 */
export function termOf(req: IncomingMessage): { term?: number } {
  const given = req.headers[TERM_HEADER.toLowerCase()];
  if (given === undefined) return {};
  if (typeof given === 'string' && /^\d{1,15}$/.test(given)) return { term: Number(given) };
  throw new ProblemError('bad-request', `${TERM_HEADER} wants the term of GET /v1/leader, a whole number.`, {
    field: TERM_HEADER,
  });
}

/** `field` is where the term was. */
export const termOvertaken = (highest: number, field: string) =>
  new ProblemError(
    'term-overtaken',
    `Term ${highest} is known, so this pod does not lead any more: stop what you do as the leader.`,
    { field },
  );
