import { Connection, type ConnectionOptions } from '../connection.ts';
import { HyperpageError } from '../errors.ts';
import { CLIENT_IP_HEADER, PROBLEM_MEDIA_TYPE, SESSION_COOKIE } from '../wire.ts';
import {
  bodyOf,
  clientAddressOf,
  cookieOf,
  headerOf,
  type MountRequest,
  type MountResponse,
} from './http.ts';

export interface MountOptions extends ConnectionOptions {
  /** How many proxies in front of the app are yours: that many entries of X-Forwarded-For, from the right, are
   *  believed. 0 by default. Under Express leave it and use Express's own `trust proxy` setting. With `sessions.bindIp`
   *  it decides who may use a session. */
  trustedProxies?: number;
  /** Largest body that is relayed, in bytes; 1 MiB by default. The sidecar's own limit is lower. */
  limitBytes?: number;
}

export const SESSIONS_PATH = '/api/sessions';
export const HEALTH_PATH = '/api/health';

const RELAYED_REQUEST_HEADERS = [
  'content-type',
  'user-agent',
  'accept',
  'if-match',
  'if-none-match',
  'origin',
  'sec-fetch-site',
];
const RELAYED_ANSWER_HEADERS = ['content-type', 'etag', 'cache-control', 'retry-after', 'allow', 'vary'];

/** Answers the two paths of the mount. */
export class Mount {
  readonly #sidecar: Connection;
  readonly #trustedProxies: number;
  readonly #limitBytes: number;

  constructor(options: MountOptions) {
    this.#sidecar = new Connection(options);
    this.#trustedProxies = options.trustedProxies ?? 0;
    this.#limitBytes = options.limitBytes ?? 1024 * 1024;
  }

  /** True when the request is answered, false when it is none of the mount's. */
  async answer(request: MountRequest, response: MountResponse): Promise<boolean> {
    const [path, query] = splitUrl(request.url ?? '/');
    if (path === HEALTH_PATH) {
      this.#health(request, response);
      return true;
    }
    if (path !== SESSIONS_PATH) return false;
    try {
      await this.#relay(request, response, query);
    } catch (error) {
      if (!(error instanceof HyperpageError)) throw error;
      // What is left of a body that nobody reads must not be taken for the next request.
      if (error.status === 413) response.setHeader('connection', 'close');
      sendProblem(response, error);
    }
    return true;
  }

  // Liveness of the app alone: a probe that failed with the sidecar or Redis would restart healthy apps.
  #health(request: MountRequest, response: MountResponse): void {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      sendProblem(response, new HyperpageError('method-not-allowed', 'Use GET.', { status: 405 }));
      return;
    }
    send(response, 200, 'application/json', JSON.stringify({ status: 'ok' }));
  }

  async #relay(request: MountRequest, response: MountResponse, query: string): Promise<void> {
    const body = await bodyOf(request, this.#limitBytes);
    const answer = await this.#sidecar.relay(`${SESSIONS_PATH}${query}`, {
      method: request.method ?? 'GET',
      headers: this.#headersOf(request),
      ...(body === undefined ? {} : { body: body as RequestInit['body'] & {} }),
    });
    const content = answer.bytes;
    for (const name of RELAYED_ANSWER_HEADERS) {
      const value = answer.headers.get(name);
      if (value !== null) response.setHeader(name, value);
    }
    // A session is one person's: nothing on the way may keep it, also if the sidecar forgot to say so.
    if (!answer.headers.has('cache-control')) response.setHeader('cache-control', 'no-store');
    const cookies = answer.headers.getSetCookie();
    if (cookies.length > 0) response.setHeader('set-cookie', cookies);
    response.statusCode = answer.status;
    response.end(content);
  }

  #headersOf(request: MountRequest): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const name of RELAYED_REQUEST_HEADERS) {
      const value = headerOf(request, name);
      if (value !== undefined) headers[name] = value;
    }
    // Only the session's cookie: the app's other cookies are none of the sidecar's business.
    const session = cookieOf(request, SESSION_COOKIE);
    if (session !== undefined) headers['cookie'] = `${SESSION_COOKIE}=${session}`;
    const address = clientAddressOf(request, this.#trustedProxies);
    if (address !== undefined) headers[CLIENT_IP_HEADER] = address;
    return headers;
  }
}

function splitUrl(url: string): [path: string, query: string] {
  const at = url.indexOf('?');
  return at === -1 ? [url, ''] : [url.slice(0, at), url.slice(at)];
}

function send(response: MountResponse, status: number, type: string, body: string): void {
  response.statusCode = status;
  response.setHeader('content-type', type);
  response.setHeader('cache-control', 'no-store');
  response.end(body);
}

const TITLES: Record<string, string> = {
  'body-too-large': 'The body is too large',
  'method-not-allowed': 'That method is not for this path',
  'sidecar-unreachable': 'The sidecar is not reachable',
};

/** A problem document of the mount's own (RFC 9457). */
function sendProblem(response: MountResponse, { code, status, message }: HyperpageError): void {
  const answered = status || 503;
  const body = {
    type: `urn:hyperpage:problem:${code}`,
    title: TITLES[code] ?? code,
    status: answered,
    detail: message,
    code,
  };
  send(response, answered, PROBLEM_MEDIA_TYPE, JSON.stringify(body));
}
