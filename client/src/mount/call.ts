import { HyperpageError } from '../errors.ts';

/** A request to the mount, whichever way it came. */
export interface MountCall {
  method: string;
  path: string;
  /** With its question mark; '' without one. */
  query: string;
  /** One header by its name in lower case; the first of several. */
  header(name: string): string | undefined;
  /** Address of the client, where it is known. */
  address: string | undefined;
  /** The body as the client sent it. @throws HyperpageError `body-too-large` */
  body(): Promise<Uint8Array | string | undefined>;
}

/** What to send back. */
export interface MountAnswer {
  status: number;
  headers: Record<string, string | string[]>;
  body: Uint8Array | string;
}

/** The value of one cookie, as the browser sent it. */
export function cookieOf(call: MountCall, name: string): string | undefined {
  for (const pair of (call.header('cookie') ?? '').split(';')) {
    const [key = '', ...value] = pair.split('=');
    if (key.trim() === name) return value.join('=').trim();
  }
  return undefined;
}

/** Address of the client: the `hops`-th entry of X-Forwarded-For from the right (each trusted proxy adds one; anything
 *  further left is whatever the client wrote), else that of the connection. */
export function addressIn(
  forwardedFor: string | undefined,
  hops: number,
  connection: string | undefined,
): string | undefined {
  const entry = hops > 0 ? (forwardedFor ?? '').split(',').at(-hops)?.trim() : undefined;
  const address = entry === undefined || entry === '' ? connection : entry;
  return address === undefined ? undefined : plainAddress(address);
}

/** Without the port that some proxies add, and an IPv4 client on an IPv6 socket as IPv4. */
const plainAddress = (address: string): string =>
  address
    .replace(/^\[([^\]]*)\](:\d+)?$/, '$1')
    .replace(/^([\d.]+):\d+$/, '$1')
    .replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');

/** Bytes of a body that is streamed. @throws HyperpageError `body-too-large` above `limitBytes` */
export async function readBytes(
  chunks: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > limitBytes) throw overLimit(limitBytes);
    parts.push(chunk);
  }
  if (bytes === 0) return undefined;
  const body = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.byteLength;
  }
  return body;
}

const overLimit = (limitBytes: number) =>
  new HyperpageError('body-too-large', `The body is over ${limitBytes} bytes; send only what has changed.`, {
    status: 413,
  });
