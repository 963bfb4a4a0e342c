import type { InvalidSession } from '../migration/index.ts';
import { UsageError } from './usage-error.ts';

export interface SessionReader {
  pairs: AsyncIterable<[sessionId: string, session: unknown]>;
  /** Lines that hold no session; they are passed over. */
  unreadable: InvalidSession[];
  /** Sessions in all; undefined while it is not known, as in NDJSON. */
  count: number | undefined;
  /** Read so far. */
  bytes: number;
}

/** Reads the sessions in `input`, called `name` in messages: an object of them, or a line for each, of which one at a
 *  time is in memory. */
export function readSessions(input: AsyncIterable<Uint8Array>, name: string): SessionReader {
  const reader: SessionReader = { pairs: read(), unreadable: [], count: undefined, bytes: 0 };
  return reader;

  async function* read(): AsyncGenerator<[string, unknown], void> {
    const lines = linesOf(counted());
    let number = 0;
    let first = '';
    while (first === '') {
      const next = await lines.next();
      if (next.done) throw unusable(name, 'is empty');
      number += 1;
      first = next.value.trim();
    }
    const entry = entryOf(first);
    if (!entry) return yield* whole(first, lines);
    yield entry;
    for await (const line of lines) {
      number += 1;
      if (line.trim() === '') continue;
      const another = entryOf(line);
      if (another) yield another;
      else reader.unreadable.push(unreadable(number));
    }
  }

  async function* whole(first: string, rest: AsyncIterable<string>): AsyncGenerator<[string, unknown], void> {
    const lines = [first];
    for await (const line of rest) lines.push(line);
    const value = parse(lines.join('\n'));
    if (value === undefined) throw unusable(name, 'is not JSON');
    if (!isRecord(value)) throw unusable(name, 'holds JSON, but no object');
    const entries = Object.entries(value);
    reader.count = entries.length;
    for (const [sessionId, session] of entries) yield [sessionId, unwrapped(session)];
  }

  async function* counted(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of input) {
        reader.bytes += chunk.byteLength;
        yield chunk;
      }
    } catch (error) {
      throw new UsageError(`cannot read ${name}: ${(error as Error).message}`);
    }
  }
}

/** Not readline's: it also breaks lines at U+2028, which JSON may hold as it is. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      yield parts.join('') + text.slice(start, end);
      parts = [];
      start = end + 1;
    }
    parts.push(text.slice(start));
  }
  yield parts.join('') + decoder.decode();
}

/** The session on a line of NDJSON; undefined when there is none. */
function entryOf(line: string): [string, unknown] | undefined {
  const value = parse(line);
  if (!isRecord(value) || typeof value['sessionId'] !== 'string' || !('session' in value)) return undefined;
  return [value['sessionId'], unwrapped(value['session'])];
}

/** localStorage holds text only: what is JSON in a string is meant. */
const unwrapped = (session: unknown): unknown =>
  typeof session === 'string' ? (parse(session) ?? session) : session;

/** Undefined when it is not JSON, which itself has no undefined. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const unreadable = (line: number): InvalidSession => ({
  sessionId: '',
  field: '',
  detail: `Line ${line} is no {"sessionId": …, "session": …}.`,
});

const unusable = (name: string, what: string) =>
  new UsageError(
    `${name} ${what}; it wants a JSON object of session id to session, or NDJSON with {"sessionId": …, "session": …} on each line`,
  );
