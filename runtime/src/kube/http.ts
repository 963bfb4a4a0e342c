import type { IncomingMessage } from 'node:http';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent, request } from 'node:https';
import { PRODUCT_VERSION } from '@hyperpage/contract';
import type { KubeEndpoint } from './endpoint.ts';
import { KubeError } from './error.ts';

/** Kubernetes' API over `node:https` with connections kept alive: nothing more than requests and their errors.
 *  `@kubernetes/client-node` opens a connection a request and costs 120 MiB in a sidecar (docs/decisions). */
export interface KubeHttp {
  /** Sends one request and gives the parsed answer. @throws KubeError on any status of 400 and above, and on
   *  transport failures (`status` 0). */
  request<T>(options: KubeRequest): Promise<T>;
  /** Opens a stream, for watches. The caller reads and destroys it. @throws KubeError as `request`. */
  stream(options: KubeRequest): Promise<IncomingMessage>;
  /** Closes idle connections. */
  close(): void;
}

export interface KubeRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute path, such as `/api/v1/namespaces/demo/pods`. */
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  /** Default `application/json`; server-side apply wants `application/apply-patch+yaml` (JSON is YAML). */
  contentType?: string;
  /** Time allowed for the whole request (for a stream: until its headers), in milliseconds. Default 15,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** Opens a client; connects with the first request. `maxSockets` bounds the connections of requests; each stream has
 *  one of its own beside them, or as many watches would leave no connection for a write. */
export function createKubeHttp(endpoint: KubeEndpoint, options: { maxSockets?: number } = {}): KubeHttp {
  const secure = endpoint.server.startsWith('https:');
  const agentOf = (maxSockets: number) =>
    secure
      ? new Agent({ keepAlive: true, timeout: IDLE_MS, maxSockets, ...endpoint.tls })
      : new HttpAgent({ keepAlive: true, timeout: IDLE_MS, maxSockets });
  const requests = agentOf(options.maxSockets ?? 16);
  const streams = agentOf(Number.POSITIVE_INFINITY);

  const open = async (agent: HttpAgent, options: KubeRequest, call: Call): Promise<IncomingMessage> => {
    const token = await tokenOf(endpoint, options);
    const answer = await send(agent, endpoint.server, options, token, call);
    if ((answer.statusCode ?? 0) < 400) return answer;
    throw await failure(options, answer);
  };

  return {
    request: async <T>(options: KubeRequest) => {
      const call = beginCall(options);
      try {
        const answer = await open(requests, options, call);
        return JSON.parse(await textOf(answer)) as T;
      } catch (error) {
        // What does not answer may be a connection whose other end is gone; its idle siblings are then gone as well.
        if (call.timedOut()) closeIdle(requests);
        throw asKubeError(error, options);
      } finally {
        call.end();
      }
    },
    stream: async (options) => {
      const call = beginCall(options);
      try {
        const answer = await open(streams, options, call);
        call.headersCame(answer);
        return answer;
      } catch (error) {
        call.end();
        throw asKubeError(error, options);
      }
    },
    close: () => {
      closeIdle(requests);
      closeIdle(streams);
    },
  };
}

/** Below the 90 s after which the API server closes an idle connection, so that we seldom write into a closed one. */
const IDLE_MS = 60_000;

/** The time limit and the caller's signal of one request: whichever comes first destroys `target`. */
interface Call {
  target: { destroy(error: Error): unknown } | undefined;
  timedOut(): boolean;
  ended(): boolean;
  /** From here on only the caller's signal can end the stream. */
  headersCame(answer: IncomingMessage): void;
  end(): void;
}

function beginCall({ timeoutMs = 15_000, signal }: KubeRequest): Call {
  let late = false;
  let isOver = false;
  const cut = (error: Error) => {
    call.end();
    call.target?.destroy(error);
  };
  const onAbort = () => cut(abortError(signal?.reason));
  const timer = setTimeout(() => {
    late = true;
    cut(new Error(`no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  timer.unref();
  signal?.addEventListener('abort', onAbort, { once: true });
  const call: Call = {
    target: undefined,
    timedOut: () => late,
    ended: () => isOver,
    headersCame: (answer) => {
      clearTimeout(timer);
      answer.once('close', () => call.end());
      // A reader that has gone away must not turn a reset into an uncaught error.
      answer.on('error', () => {});
    },
    end: () => {
      isOver = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
  return call;
}

const abortError = (reason: unknown) => (reason instanceof Error ? reason : new Error('aborted'));

const tokenOf = async (endpoint: KubeEndpoint, options: KubeRequest) => {
  try {
    return await endpoint.token?.();
  } catch (cause) {
    throw new KubeError(
      `${options.method} ${options.path}: no token: ${messageOf(cause)}`,
      0,
      '',
      undefined,
      cause,
    );
  }
};

const send = (
  agent: HttpAgent,
  server: string,
  options: KubeRequest,
  token: string | undefined,
  call: Call,
): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    if (options.signal?.aborted) return reject(abortError(options.signal.reason));
    if (call.timedOut()) return reject(new Error(`no answer within ${options.timeoutMs} ms`));
    const url = new URL(server);
    const secure = url.protocol === 'https:';
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    const outgoing = (secure ? request : httpRequest)({
      agent,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || (secure ? 443 : 80),
      method: options.method,
      path: url.pathname.replace(/\/$/, '') + options.path + queryOf(options.query),
      headers: {
        accept: 'application/json',
        'user-agent': `hyperpage/${PRODUCT_VERSION}`,
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body
          ? { 'content-type': options.contentType ?? 'application/json', 'content-length': body.length }
          : {}),
      },
    });
    call.target = outgoing;
    let answered = false;
    outgoing.once('response', (answer) => {
      answered = true;
      call.target = answer;
      resolve(answer);
    });
    outgoing.on('error', (cause: NodeJS.ErrnoException) => {
      // The request fails once more when its answer breaks off; whoever reads the answer sees that.
      if (answered) return;
      // The API server closed the kept-alive connection just as we wrote. A read can be sent again without asking;
      // a write may have been done, and only its caller knows how to find out.
      const closedUnderUs = outgoing.reusedSocket && cause.code === 'ECONNRESET' && !call.ended();
      if (closedUnderUs && options.method === 'GET') resolve(send(agent, server, options, token, call));
      else reject(cause);
    });
    outgoing.end(body);
  });

const failure = async (options: KubeRequest, answer: IncomingMessage): Promise<KubeError> => {
  const status = answer.statusCode ?? 0;
  const parsed = parseStatus(await textOf(answer).catch(() => ''));
  const retryAfterS = Number.parseInt(answer.headers['retry-after'] ?? '', 10);
  return new KubeError(
    `${options.method} ${options.path}: ${status} ${parsed.message ?? answer.statusMessage ?? ''}`.trim(),
    status,
    parsed.reason ?? '',
    Number.isFinite(retryAfterS) ? retryAfterS * 1000 : undefined,
  );
};

const asKubeError = (error: unknown, { method, path }: KubeRequest): KubeError =>
  error instanceof KubeError
    ? error
    : new KubeError(`${method} ${path}: ${messageOf(error)}`, 0, '', undefined, error);

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

const closeIdle = (agent: HttpAgent) => {
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
};

const queryOf = (query: KubeRequest['query']) => {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  return pairs.length === 0
    ? ''
    : `?${pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join('&')}`;
};

const textOf = async (answer: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

const parseStatus = (text: string): { message?: string; reason?: string } => {
  try {
    const { message, reason } = JSON.parse(text) as Record<string, unknown>;
    return {
      ...(typeof message === 'string' ? { message } : {}),
      ...(typeof reason === 'string' ? { reason } : {}),
    };
  } catch {
    return text ? { message: text.slice(0, 300) } : {};
  }
};
