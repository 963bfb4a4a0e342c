import { type Clock, KubeError, type Timer } from '@hyperpage/runtime';
import { StallError } from './recovery.ts';
import type { Kind, Stored } from './wire.ts';

/** One line of a watch, understood. */
export type WatchEvent<K extends Kind> =
  | { type: 'put'; object: Stored<K> }
  | { type: 'removed'; object: Stored<K> }
  /** Nothing changed up to this version. */
  | { type: 'bookmark'; resourceVersion: string };

/** No object of ours comes near: etcd refuses more than 1.5 MiB. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** Cuts a stream of bytes into lines; a line without its end is not given.
 *  @throws Error when a line is longer than `maxBytes`. */
export async function* linesOf(
  stream: AsyncIterable<Buffer>,
  maxBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      const line = parts.length === 1 ? parts[0] : Buffer.concat(parts);
      parts = [];
      length = 0;
      start = end + 1;
      yield (line as Buffer).toString('utf8');
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      length += chunk.length - start;
      if (length > maxBytes) throw new Error(`a line of the watch is longer than ${maxBytes} bytes`);
    }
  }
}

/** Understands a line of a watch; undefined for a type that is not known yet.
 *  @throws KubeError for an ERROR event, with the status it holds; Error when the line is not a watch event. */
export function parseEvent<K extends Kind>(line: string): WatchEvent<K> | undefined {
  const { type, object } = JSON.parse(line) as { type?: unknown; object?: Partial<Stored<K>> };
  if (type === 'ERROR') throw statusError(object as Status);
  const metadata = object?.metadata;
  if (typeof metadata?.resourceVersion !== 'string') throw new Error('a line of the watch has no object');
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'put', object: object as Stored<K> };
    case 'DELETED':
      return { type: 'removed', object: object as Stored<K> };
    case 'BOOKMARK':
      return { type: 'bookmark', resourceVersion: metadata.resourceVersion };
    default:
      return undefined;
  }
}

type Status =
  | { code?: number; reason?: string; message?: string; details?: { retryAfterSeconds?: number } }
  | undefined;

const statusError = (status: Status): KubeError => {
  const retryAfterS = status?.details?.retryAfterSeconds;
  return new KubeError(
    `the watch ended with an error: ${status?.message ?? 'no message'}`,
    status?.code ?? 500,
    status?.reason ?? '',
    retryAfterS === undefined ? undefined : retryAfterS * 1000,
  );
};

/** Aborts its signal after `stallMs` without a `feed()`, with a StallError, and whenever `parent` is aborted. Cancel it
 *  in the end. */
export function watchdog(clock: Clock, stallMs: number, parent: AbortSignal) {
  const cut = new AbortController();
  const onParent = () => cut.abort(parent.reason);
  parent.addEventListener('abort', onParent, { once: true });
  if (parent.aborted) onParent();
  let fedAtMs = clock.monotonicMs();
  let timer: Timer;
  // One timer for the whole watch, not one for each chunk of a busy one.
  const look = () => {
    const leftMs = fedAtMs + stallMs - clock.monotonicMs();
    if (leftMs <= 0) cut.abort(new StallError(stallMs));
    else timer = clock.after(leftMs, look);
  };
  timer = clock.after(stallMs, look);
  return {
    signal: cut.signal,
    feed: () => {
      fedAtMs = clock.monotonicMs();
    },
    cancel: () => {
      timer.cancel();
      parent.removeEventListener('abort', onParent);
    },
  };
}

/** The same stream; `note` is called for each chunk before it is passed on. */
export async function* noting(stream: AsyncIterable<Buffer>, note: () => void): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    note();
    yield chunk;
  }
}
