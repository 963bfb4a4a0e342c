import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent, type AgentOptions, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';

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

/** An answer that is not a success: `status` and `reason` are the API server's (meta/v1 Status). */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status; 0 when there was no answer (refused, reset, timed out). */
  readonly status: number;
  /** meta/v1 Status reason, such as `Conflict`, `NotFound`, `AlreadyExists`, `Expired`; '' when there is none. */
  readonly reason: string;
  /** What `Retry-After` asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  constructor(message: string, status: number, reason: string, retryAfterMs?: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export const isStatus = (error: unknown, status: number): error is KubeError =>
  error instanceof KubeError && error.status === status;

export interface KubeEndpoint {
  /** `https://host:port`, or `http://` in tests. */
  server: string;
  tls?: Pick<AgentOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;
  /** Gives the bearer token for each request; a mounted token is rotated by kubelet. */
  token?: () => Promise<string | undefined>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN_AGE_MS = 60_000;

/** The endpoint a pod finds in its environment and its ServiceAccount's volume.
 *  @throws Error saying what is missing when the process is not in a pod. */
export async function inClusterEndpoint(
  env: Readonly<Record<string, string | undefined>>,
): Promise<KubeEndpoint> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw new Error('not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set');
  }
  const ca = await readFile(`${SERVICE_ACCOUNT}/ca.crt`);
  let token: string | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    tls: { ca },
    token: async () => {
      if (performance.now() - readAt > TOKEN_AGE_MS) {
        token = (await readFile(`${SERVICE_ACCOUNT}/token`, 'utf8')).trim();
        readAt = performance.now();
      }
      return token;
    },
  };
}

/** Opens a client; connects with the first request. `maxSockets` bounds the connections to the API server. */
export function createKubeHttp(endpoint: KubeEndpoint, options: { maxSockets?: number } = {}): KubeHttp {
  const url = new URL(endpoint.server);
  const secure = url.protocol === 'https:';
  const keepAlive = { keepAlive: true, maxSockets: options.maxSockets ?? 16, timeout: 0 };
  const agent = secure ? new Agent({ ...keepAlive, ...endpoint.tls }) : new HttpAgent(keepAlive);

  const send = async (options: KubeRequest): Promise<IncomingMessage> => {
    const token = await endpoint.token?.();
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 15_000);
    const headersBy = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
    return new Promise((resolve, reject) => {
      const outgoing = (secure ? request : httpRequest)({
        agent,
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port || (secure ? 443 : 80),
        method: options.method,
        path: options.path + queryOf(options.query),
        headers: {
          accept: 'application/json',
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...(body
            ? { 'content-type': options.contentType ?? 'application/json', 'content-length': body.length }
            : {}),
        },
      });
      const onAbort = () => outgoing.destroy(headersBy.reason as Error);
      headersBy.addEventListener('abort', onAbort, { once: true });
      if (headersBy.aborted) onAbort();
      outgoing.once('response', (answer) => {
        headersBy.removeEventListener('abort', onAbort);
        resolve(answer);
      });
      outgoing.once('error', (cause) => {
        headersBy.removeEventListener('abort', onAbort);
        reject(new KubeError(`${options.method} ${options.path}: ${cause.message}`, 0, '', undefined, cause));
      });
      outgoing.end(body);
    });
  };

  const failure = async (options: KubeRequest, answer: IncomingMessage): Promise<KubeError> => {
    const status = answer.statusCode ?? 0;
    const parsed = parseStatus(await bodyOf(answer, 15_000).catch(() => ''));
    const retryAfter = Number(answer.headers['retry-after']);
    return new KubeError(
      `${options.method} ${options.path}: ${status} ${parsed.message ?? answer.statusMessage ?? ''}`.trim(),
      status,
      parsed.reason ?? '',
      Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
    );
  };

  return {
    request: async <T>(options: KubeRequest) => {
      const answer = await send(options);
      if ((answer.statusCode ?? 0) >= 400) throw await failure(options, answer);
      try {
        return JSON.parse(await bodyOf(answer, options.timeoutMs ?? 15_000)) as T;
      } catch (cause) {
        throw new KubeError(
          `${options.method} ${options.path}: the answer broke off`,
          0,
          '',
          undefined,
          cause,
        );
      }
    },
    stream: async (options) => {
      const answer = await send(options);
      if ((answer.statusCode ?? 0) >= 400) throw await failure(options, answer);
      return answer;
    },
    close: () => agent.destroy(),
  };
}

const queryOf = (query: KubeRequest['query']) => {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  return pairs.length === 0
    ? ''
    : `?${pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join('&')}`;
};

const bodyOf = async (answer: IncomingMessage, timeoutMs: number): Promise<string> => {
  const chunks: Buffer[] = [];
  const done = new AbortController();
  const late = delay(timeoutMs, undefined, { signal: done.signal, ref: false })
    .then(() => answer.destroy(new Error(`no end of the answer within ${timeoutMs} ms`)))
    .catch(() => {});
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    done.abort();
    await late;
  }
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
