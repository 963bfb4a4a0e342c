/** Serves `/api/sessions` and `/api/health` where requests are the Web's: route handlers of Next.js, Hono, Bun, Deno. */
import { HyperpageError } from '../errors.ts';
import {
  addressIn,
  Mount,
  type MountAnswer,
  type MountCall,
  type MountOptions,
  problem,
  readBytes,
} from '../mount/index.ts';

export interface RouteOptions extends MountOptions {
  /** The client's address where the platform knows it, as Bun's `server.requestIP(request)` does: the request itself
   *  does not. Without this and without `trustedProxies` sessions have no address, and can be kept to none. */
  clientAddress?: (request: Request) => string | undefined;
}

/** A handler of requests for `/api/sessions` and `/api/health`, also below a base path; others get 404. In Next.js:
 *  `export { handler as GET, handler as POST, handler as PATCH, handler as DELETE }`.
 *  @throws when the client breaks off while it sends */
export function createHyperpageRoute(options: RouteOptions = {}): (request: Request) => Promise<Response> {
  const mount = new Mount(options);
  return async (request) => {
    const call = callOf(request, options.clientAddress?.(request), mount);
    return responseOf((await mount.answer(call)) ?? nothingAt(call.path));
  };
}

let shared: ReturnType<typeof createHyperpageRoute> | undefined;

/** The handler with its defaults: the sidecar is found by HYPERPAGE_URL, and no proxy is believed. */
export function hyperpageRoute(request: Request): Promise<Response> {
  shared ??= createHyperpageRoute();
  return shared(request);
}

function callOf(request: Request, connection: string | undefined, mount: Mount): MountCall {
  const { pathname, search } = new URL(request.url);
  const header = (name: string) => request.headers.get(name) ?? undefined;
  return {
    method: request.method,
    path: /\/api\/(sessions|health)$/.exec(pathname)?.[0] ?? pathname,
    query: search,
    header,
    address: addressIn(header('x-forwarded-for'), mount.trustedProxies, connection),
    body: async () => (request.body ? readBytes(chunksOf(request.body), mount.limitBytes) : undefined),
  };
}

/** Not the stream's own iterator, which browsers' types and Safari lack. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // What is over the limit need not come.
    await reader.cancel();
  }
}

function responseOf({ status, headers, body }: MountAnswer): Response {
  const sent = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    // The platform keeps the connection.
    if (name === 'connection') continue;
    for (const one of [value].flat()) sent.append(name, one);
  }
  const isEmpty = status === 204 || status === 304;
  return new Response(isEmpty ? null : (body as BodyInit), { status, headers: sent });
}

const nothingAt = (path: string) =>
  problem(new HyperpageError('not-found', `There is nothing at ${path}.`, { status: 404 }));
