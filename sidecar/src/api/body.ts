import type { IncomingMessage } from 'node:http';
import { pointerToken, shortened } from './pointer.ts';
import { ProblemError } from './problem.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Reads a JSON body of at most `limitBytes`. @throws ProblemError 400, 413 or 415. */
export async function readJson(req: IncomingMessage, limitBytes: number): Promise<unknown> {
  requireJson(req);
  const bytes = await readBytes(req, limitBytes);
  if (bytes.length === 0)
    throw new ProblemError('bad-request', 'The body is empty: send a JSON object in it.');
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    throw new ProblemError('bad-request', 'The body is not UTF-8: encode the JSON as UTF-8.');
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const at = /position (\d+)/.exec((error as Error).message)?.[1];
    const where =
      at === undefined ? 'it ends too early or is not JSON at all' : `it goes wrong at byte ${at}`;
    throw new ProblemError('bad-request', `The body is not JSON: ${where}.`);
  }
}

function requireJson(req: IncomingMessage): void {
  const type = req.headers['content-type'] ?? '';
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type)) {
    const got = type === '' ? 'no Content-Type' : JSON.stringify(type.slice(0, 80));
    throw new ProblemError(
      'unsupported-media-type',
      `Got ${got}: send the header "Content-Type: application/json".`,
    );
  }
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new ProblemError('unsupported-media-type', 'Send the body without a Content-Encoding.');
  }
}

async function readBytes(req: IncomingMessage, limitBytes: number): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    req.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limitBytes) {
        req.pause();
        reject(tooLarge(limitBytes));
      } else chunks.push(chunk);
    });
    req.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    const broken = () => reject(new ProblemError('bad-request', 'The request broke off before its end.'));
    req.once('error', broken);
    req.once('aborted', broken);
  });
}

/** The rest of the body is not read, so the connection cannot be used again. */
export const tooLarge = (limitBytes: number) =>
  new ProblemError('body-too-large', `The body may have ${limitBytes} bytes at most: send less.`, {
    headers: { connection: 'close' },
  });

const MAX_DEPTH = 64;
const PROTOTYPE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** Refuses what no schema sees: keys that could change an object's prototype in whoever merges them, keys that are no
 *  Unicode, of which UTF-8 makes other ones, and nesting that would exhaust a stack. `opaque` names a top-level field
 *  whose keys are the sender's own.
 *  @throws ProblemError 400 naming the place. */
export function refuseTraps(body: unknown, opaque?: string): void {
  const visit = (value: unknown, path: string, depth: number, checkKeys: boolean): void => {
    if (typeof value !== 'object' || value === null) return;
    if (depth > MAX_DEPTH) throw refused(path, `Nested deeper than ${MAX_DEPTH} levels: flatten it.`);
    for (const [key, inner] of Object.entries(value)) {
      const innerPath = `${path}/${pointerToken(key)}`;
      if (checkKeys && PROTOTYPE_KEYS.has(key))
        throw refused(innerPath, `The key ${key} is not allowed: choose another name.`);
      if (checkKeys && !key.isWellFormed())
        throw refused(
          innerPath,
          'A key holds half a character (a lone surrogate): cut texts between characters.',
        );
      visit(inner, innerPath, depth + 1, checkKeys && !(depth === 1 && key === opaque));
    }
  };
  visit(body, '', 1, true);
}

const refused = (path: string, detail: string) =>
  new ProblemError('invalid-body', detail, { field: shortened(path) });
