import { HyperpageError } from '../errors.ts';

/** The little of Node's and Express's requests and responses that the mount uses: the SDK imports neither. */
export interface MountRequest extends AsyncIterable<Uint8Array> {
  method?: string | undefined;
  /** Path and query, below where the handler is mounted. */
  url?: string | undefined;
  headers: Record<string, string | string[] | undefined>;
  socket?: { remoteAddress?: string | undefined } | undefined;
  /** Express: the client, by the app's own `trust proxy` setting. */
  ip?: string | undefined;
  /** Set when a body parser has already read the body. */
  body?: unknown;
}

export interface MountResponse {
  statusCode: number;
  setHeader(name: string, value: string | string[]): unknown;
  end(body?: Uint8Array | string): unknown;
  readonly headersSent: boolean;
}

/** One header as text; the first of several. */
export const headerOf = (request: MountRequest, name: string): string | undefined => {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

/** The value of one cookie, as the browser sent it. */
export function cookieOf(request: MountRequest, name: string): string | undefined {
  for (const pair of (headerOf(request, 'cookie') ?? '').split(';')) {
    const [key = '', ...value] = pair.split('=');
    if (key.trim() === name) return value.join('=').trim();
  }
  return undefined;
}

/** Address of the client: Express's `ip`, else the `hops`-th entry of X-Forwarded-For from the right (each trusted
 *  proxy adds one; anything further left is whatever the client wrote), else the connection's. */
export function clientAddressOf(request: MountRequest, hops: number): string | undefined {
  if (hops > 0) {
    const forwarded = (headerOf(request, 'x-forwarded-for') ?? '').split(',').map((entry) => entry.trim());
    const address = forwarded.at(-hops);
    if (address) return plainAddress(address);
  }
  const address = request.ip ?? request.socket?.remoteAddress;
  return address === undefined ? undefined : plainAddress(address);
}

// An IPv4 client on an IPv6 socket.
const plainAddress = (address: string) => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');

/** The body as the client sent it, or again as JSON when a body parser has read it.
 *  @throws HyperpageError `body-too-large` above `limitBytes` */
export async function bodyOf(
  request: MountRequest,
  limitBytes: number,
): Promise<Uint8Array | string | undefined> {
  if (request.method === 'GET' || request.method === 'HEAD') return undefined;
  if (request.body !== undefined) {
    if (typeof request.body === 'string' || request.body instanceof Uint8Array) return request.body;
    return JSON.stringify(request.body);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.byteLength;
    if (bytes > limitBytes) throw tooLarge(limitBytes);
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  const body = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  return body;
}

const tooLarge = (limitBytes: number) =>
  new HyperpageError('body-too-large', `The body is over ${limitBytes} bytes; send only what has changed.`, {
    status: 413,
  });
