import type { ServerResponse } from 'node:http';
import { PROBLEM_MEDIA_TYPE, PROBLEMS, type ProblemCode, problemDocument } from '@hyperpage/contract';

/** An answer that is an error. `detail` tells the reader what to do; nothing of it comes from a stack. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly field: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    code: ProblemCode,
    detail: string,
    options: { field?: string; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail);
    this.code = code;
    this.field = options.field;
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

/** Sends `problem`, unless an answer has begun already: then the connection is cut, so that half an answer is not
 *  taken for a whole one. */
export function sendProblem(res: ServerResponse, problem: ProblemError): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const body = JSON.stringify(problemDocument(problem.code, problem.message, problem.field));
  res.writeHead(problem.status, {
    'content-type': PROBLEM_MEDIA_TYPE,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...problem.headers,
  });
  res.end(body);
}
