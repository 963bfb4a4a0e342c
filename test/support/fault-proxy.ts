import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { close, type KubeEndpoint, listen } from '@hyperpage/runtime';

/** A request that came through. */
export interface Seen {
  verb: 'list' | 'watch' | 'get' | 'create' | 'update' | 'patch' | 'delete';
  path: string;
  query: URLSearchParams;
}

/** What happens to a request instead of being passed on. */
export type Fault =
  /** Answer it ourselves, as the API server would (meta/v1 Status). */
  | { answer: number; reason?: string; retryAfterS?: number; body?: string }
  /** Reset its connection. */
  | 'reset'
  /** Accept it and never answer. */
  | 'silence'
  /** Pass it on after this many milliseconds. */
  | { delayMs: number };

export interface FaultProxy {
  /** The API server through the proxy, in clear text. */
  endpoint: KubeEndpoint;
  /** Every request so far, in order; also those that met a fault. */
  readonly seen: readonly Seen[];
  count(verb: Seen['verb']): number;
  /** Requests whose answer has not ended. */
  readonly active: number;
  /** Watches that the API server has accepted and that are open. */
  readonly watches: number;
  /** Connections that clients have open now, and all that they ever opened. */
  readonly connections: number;
  readonly connectionsTotal: number;
  /** Lets the next `times` requests of `verb` meet `fault` (default: all); gives the function that ends it. */
  inject(verb: Seen['verb'], fault: Fault, times?: number): () => void;
  /** Resets every watch in the middle. */
  resetWatches(): void;
  /** Ends every watch in good order, as an API server that stops does. */
  endWatches(): void;
  /** Writes text into every watch, between two lines of the API server. */
  writeIntoWatches(text: string): void;
  /** Passes no more bytes of any watch that is open now, and keeps its connection. */
  silenceWatches(): void;
  /** Resets every connection, and new ones as they come, until `up` is called. */
  down(): void;
  up(): void;
  stop(): Promise<void>;
}

interface OpenWatch {
  upstream: IncomingMessage;
  answer: ServerResponse;
}

export async function startFaultProxy(target: KubeEndpoint): Promise<FaultProxy> {
  const upstream = new URL(target.server);
  const agent = new Agent({ keepAlive: true, ...target.tls });
  const seen: Seen[] = [];
  const faults: Array<{ verb: Seen['verb']; fault: Fault; left: number }> = [];
  const watches = new Set<OpenWatch>();
  const sockets = new Set<Socket>();
  let active = 0;
  let connectionsTotal = 0;
  let isDown = false;

  const takeFault = (verb: Seen['verb']): Fault | undefined => {
    const found = faults.find((one) => one.verb === verb && one.left > 0);
    if (found) found.left -= 1;
    return found?.fault;
  };

  const forward = (incoming: IncomingMessage, answer: ServerResponse, what: Seen) => {
    const secure = upstream.protocol === 'https:';
    const outgoing = (secure ? httpsRequest : httpRequest)({
      ...(secure ? { agent } : {}),
      host: upstream.hostname,
      port: upstream.port,
      method: incoming.method,
      path: incoming.url,
      headers: { ...incoming.headers, host: upstream.host },
    });
    outgoing.once('response', (given) => {
      answer.writeHead(given.statusCode ?? 502, given.headers);
      answer.flushHeaders();
      given.pipe(answer);
      given.once('error', () => answer.socket?.resetAndDestroy());
      if (what.verb !== 'watch' || given.statusCode !== 200) return;
      const watch = { upstream: given, answer };
      watches.add(watch);
      answer.once('close', () => watches.delete(watch));
    });
    outgoing.once('error', () => answer.socket?.resetAndDestroy());
    answer.once('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  };

  const server = createServer((incoming, answer) => {
    const what = describeRequest(incoming);
    seen.push(what);
    active += 1;
    answer.once('close', () => (active -= 1));
    const fault = takeFault(what.verb);
    if (fault === undefined) forward(incoming, answer, what);
    else if (fault === 'reset') incoming.socket.resetAndDestroy();
    else if (fault === 'silence') incoming.resume();
    else if ('delayMs' in fault) setTimeout(() => forward(incoming, answer, what), fault.delayMs);
    else refuse(incoming, answer, fault);
  });
  server.on('connection', (socket) => {
    connectionsTotal += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    if (isDown) socket.resetAndDestroy();
  });
  const port = await listen(server, 0, '127.0.0.1');

  return {
    endpoint: { server: `http://127.0.0.1:${port}`, ...(target.token ? { token: target.token } : {}) },
    seen,
    count: (verb) => seen.filter((one) => one.verb === verb).length,
    get active() {
      return active;
    },
    get watches() {
      return watches.size;
    },
    get connections() {
      return sockets.size;
    },
    get connectionsTotal() {
      return connectionsTotal;
    },
    inject: (verb, fault, times = Number.POSITIVE_INFINITY) => {
      const one = { verb, fault, left: times };
      faults.push(one);
      return () => (one.left = 0);
    },
    resetWatches: () => {
      for (const { answer } of watches) answer.socket?.resetAndDestroy();
    },
    endWatches: () => {
      for (const { upstream, answer } of watches) {
        upstream.unpipe(answer);
        answer.end();
      }
    },
    writeIntoWatches: (text) => {
      for (const { answer } of watches) answer.write(text);
    },
    silenceWatches: () => {
      for (const { upstream, answer } of watches) {
        upstream.unpipe(answer);
        upstream.resume();
      }
    },
    down: () => {
      isDown = true;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    up: () => {
      isDown = false;
    },
    stop: async () => {
      await close(server, 0);
      agent.destroy();
    },
  };
}

const refuse = (
  incoming: IncomingMessage,
  answer: ServerResponse,
  fault: { answer: number; reason?: string; retryAfterS?: number; body?: string },
) => {
  incoming.resume();
  answer.writeHead(fault.answer, {
    'content-type': 'application/json',
    ...(fault.retryAfterS === undefined ? {} : { 'retry-after': String(fault.retryAfterS) }),
  });
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: fault.answer };
  answer.end(fault.body ?? JSON.stringify({ ...status, message: 'injected', reason: fault.reason ?? '' }));
};

const VERBS: Readonly<Record<string, Seen['verb']>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

function describeRequest({ method = 'GET', url = '/' }: IncomingMessage): Seen {
  const { pathname: path, searchParams: query } = new URL(url, 'http://proxy');
  const verb =
    VERBS[method] ?? (query.get('watch') === 'true' ? 'watch' : isCollection(path) ? 'list' : 'get');
  return { verb, path, query };
}

/** `/api/v1/pods`, `/apis/apps/v1/namespaces/demo/deployments`: nothing after the plural. */
const isCollection = (path: string) => {
  const [root, ...rest] = path.split('/').filter(Boolean);
  const below = rest.slice(root === 'api' ? 1 : 2);
  return below.length === 1 || (below[0] === 'namespaces' && below.length === 3);
};
