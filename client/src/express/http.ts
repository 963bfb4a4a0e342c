import { addressIn, type MountAnswer, type MountCall, readBytes } from '../mount/index.ts';

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

export function callOf(request: MountRequest, trustedProxies: number, limitBytes: number): MountCall {
  const url = request.url ?? '/';
  const at = url.indexOf('?');
  const header = (name: string) => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const connection = request.ip ?? request.socket?.remoteAddress;
  return {
    method: request.method ?? 'GET',
    path: at === -1 ? url : url.slice(0, at),
    query: at === -1 ? '' : url.slice(at),
    header,
    address: addressIn(header('x-forwarded-for'), trustedProxies, connection),
    body: () => bodyOf(request, limitBytes),
  };
}

export function send(response: MountResponse, { status, headers, body }: MountAnswer): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(body);
}

/** The body as the client sent it, or again as JSON when a body parser has read it. */
async function bodyOf(request: MountRequest, limitBytes: number): Promise<Uint8Array | string | undefined> {
  if (request.body === undefined) return readBytes(request, limitBytes);
  if (typeof request.body === 'string' || request.body instanceof Uint8Array) return request.body;
  return JSON.stringify(request.body);
}
