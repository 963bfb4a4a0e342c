import { Connection, type ConnectionOptions } from '../connection.ts';
import { HyperpageError } from '../errors.ts';
import { CLIENT_IP_HEADER, PROBLEM_MEDIA_TYPE, SESSION_COOKIE } from '../wire.ts';
import { cookieOf, type MountAnswer, type MountCall } from './call.ts';

export interface MountOptions extends ConnectionOptions {
  /** How many proxies in front of the app are yours: that many entries of X-Forwarded-For, from the right, are
   *  believed. 0 by default. Under Express leave it and use Express's own `trust proxy` setting. With `sessions.bindIp`
   *  it decides who may use a session. */
  trustedProxies?: number;
  /** Largest body that is relayed, in bytes; 1 MiB by default. The sidecar's own limit is lower. */
  limitBytes?: number;
}

const SESSIONS_PATH = '/api/sessions';
const HEALTH_PATH = '/api/health';

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
  readonly trustedProxies: number;
  readonly limitBytes: number;

  constructor(options: MountOptions) {
    this.#sidecar = new Connection(options);
    this.trustedProxies = options.trustedProxies ?? 0;
    this.limitBytes = options.limitBytes ?? 1024 * 1024;
  }

  /** Undefined when the path is none of the mount's. @throws when the client breaks off while it sends */
  async answer(call: MountCall): Promise<MountAnswer | undefined> {
    if (call.path === HEALTH_PATH) return health(call);
    if (call.path !== SESSIONS_PATH) return undefined;
    try {
      return await this.#relay(call);
    } catch (error) {
      if (!(error instanceof HyperpageError)) throw error;
      const answer = problem(error);
      // What is left of a body that nobody reads must not be taken for the next request.
      if (error.status === 413) answer.headers['connection'] = 'close';
      return answer;
    }
  }

  async #relay(call: MountCall): Promise<MountAnswer> {
    const hasBody = call.method !== 'GET' && call.method !== 'HEAD';
    const body = hasBody ? await call.body() : undefined;
    const answer = await this.#sidecar.relay(`${SESSIONS_PATH}${call.query}`, {
      method: call.method,
      headers: headersOf(call),
      ...(body === undefined ? {} : { body: body as RequestInit['body'] & {} }),
    });
    // A session is one person's: nothing on the way may keep it, also if the sidecar forgot to say so.
    const headers: MountAnswer['headers'] = { 'cache-control': 'no-store' };
    for (const name of RELAYED_ANSWER_HEADERS) {
      const value = answer.headers.get(name);
      if (value !== null) headers[name] = value;
    }
    const cookies = answer.headers.getSetCookie();
    if (cookies.length > 0) headers['set-cookie'] = cookies;
    return { status: answer.status, headers, body: answer.bytes };
  }
}

function headersOf(call: MountCall): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of RELAYED_REQUEST_HEADERS) {
    const value = call.header(name);
    if (value !== undefined) headers[name] = value;
  }
  // Only the session's cookie: the app's other cookies are none of the sidecar's business.
  const session = cookieOf(call, SESSION_COOKIE);
  if (session !== undefined) headers['cookie'] = `${SESSION_COOKIE}=${session}`;
  if (call.address !== undefined) headers[CLIENT_IP_HEADER] = call.address;
  return headers;
}

// Liveness of the app alone: a probe that failed with the sidecar or Redis would restart healthy apps.
function health({ method }: MountCall): MountAnswer {
  if (method === 'GET' || method === 'HEAD')
    return answerOf(200, 'application/json', JSON.stringify({ status: 'ok' }));
  const answer = problem(new HyperpageError('method-not-allowed', 'Use GET.', { status: 405 }));
  answer.headers['allow'] = 'GET, HEAD';
  return answer;
}

const answerOf = (status: number, type: string, body: string): MountAnswer => ({
  status,
  headers: { 'content-type': type, 'cache-control': 'no-store' },
  body,
});

const TITLES: Record<string, string> = {
  'body-too-large': 'The body is too large',
  'method-not-allowed': 'That method is not for this path',
  'not-found': 'There is nothing here',
  'sidecar-unreachable': 'The sidecar is not reachable',
};

/** A problem document of the mount's own (RFC 9457). */
export function problem({ code, status, message }: HyperpageError): MountAnswer {
  const answered = status || 503;
  const body = {
    type: `urn:hyperpage:problem:${code}`,
    title: TITLES[code] ?? code,
    status: answered,
    detail: message,
    code,
  };
  return answerOf(answered, PROBLEM_MEDIA_TYPE, JSON.stringify(body));
}
