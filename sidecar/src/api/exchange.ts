import type { IncomingMessage, ServerResponse } from 'node:http';
import { ProblemError } from './problem.ts';

/** A request on its way to a handler. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The query's parameters, each known to the route and given once. */
  readonly query: ReadonlyMap<string, string>;
}

/** What a handler gives back. `streaming`: it has taken the response over. */
export type Answer =
  | { status: number; body: unknown; headers?: Record<string, string> }
  /** `json` is what the body would be as text. */
  | { status: number; json: string; headers?: Record<string, string> }
  | { status: number; text: string; contentType: string }
  | 'streaming';

export type Handler = (exchange: Exchange) => Promise<Answer> | Answer;

/** Sends an answer that is not streamed. */
export function sendAnswer(res: ServerResponse, answer: Exclude<Answer, 'streaming'>): void {
  const text = 'text' in answer ? answer.text : 'json' in answer ? answer.json : JSON.stringify(answer.body);
  // Names and values in turn: Node takes them as they are.
  const headers = [
    'content-type',
    'text' in answer ? answer.contentType : 'application/json',
    'content-length',
    Buffer.byteLength(text),
    'cache-control',
    'no-store',
  ];
  if (!('text' in answer) && answer.headers) headers.push(...Object.entries(answer.headers).flat());
  res.writeHead(answer.status, headers);
  res.end(text);
}

const NO_PARAMETERS: ReadonlyMap<string, string> = new Map();
/** One parameter in which nothing is encoded. */
const PLAIN_PARAMETER = /^(\w+)=([\w.~-]*)$/;

/** The query of `url`, of which the route knows the parameters `known`.
 *  @throws ProblemError 400 on a parameter that is unknown or comes twice. */
export function parseQuery(url: string, known: readonly string[]): ReadonlyMap<string, string> {
  const start = url.indexOf('?');
  if (start < 0) return NO_PARAMETERS;
  const text = url.slice(start + 1);
  const plain = PLAIN_PARAMETER.exec(text);
  if (plain?.[1] !== undefined && known.includes(plain[1])) return new Map([[plain[1], plain[2] ?? '']]);
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (!known.includes(name)) {
      const hint = known.length === 0 ? 'this path takes none' : `this path takes ${known.join(', ')}`;
      throw new ProblemError(
        'invalid-query',
        `Unknown query parameter ${JSON.stringify(name.slice(0, 80))}: ${hint}.`,
        {
          field: name.slice(0, 80),
        },
      );
    }
    if (values.has(name)) {
      throw new ProblemError('invalid-query', `The query parameter ${name} comes twice: send it once.`, {
        field: name,
      });
    }
    values.set(name, value);
  }
  return values;
}

export const pathOf = (url: string) => {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
};
