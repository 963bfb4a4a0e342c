import { errorOf, HyperpageError } from './errors.ts';
import { APP_URL_ENV, DEFAULT_URL } from './wire.ts';

/** How to reach the sidecar. */
export interface ConnectionOptions {
  /** Where the sidecar is; by default HYPERPAGE_URL, read at first use, or http://127.0.0.1:7070. */
  url?: string | undefined;
  /** How long one request may take, in milliseconds; 5000 by default. */
  timeoutMs?: number | undefined;
  /** Another `fetch` than the platform's. */
  fetch?: typeof fetch | undefined;
}

export interface Call {
  query?: Record<string, string | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface RelayedAnswer {
  status: number;
  headers: Headers;
  bytes: Uint8Array;
}

/** Requests to one sidecar. The environment is read at the first request, so that a module-level instance may be made
 *  before it is set. */
export class Connection {
  readonly #options: ConnectionOptions;
  #url: string | undefined;

  constructor(options: ConnectionOptions = {}) {
    this.#options = options;
  }

  get url(): string {
    this.#url ??= (this.#options.url ?? environmentUrl() ?? DEFAULT_URL).replace(/\/+$/, '');
    return this.#url;
  }

  /** The JSON of a successful answer; undefined when it has no body.
   *  @throws HyperpageError with the code of the sidecar's problem document, or `sidecar-unreachable`. */
  async json<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const response = await this.#send(method, path, call);
    if (!response.ok) throw await errorOf(response);
    const text = await this.#guarded(response.text());
    if (text === '') return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new HyperpageError(
        'unexpected-answer',
        `${this.url}${path} answered something that is not JSON; check that it is a Hyperpage sidecar`,
        { status: response.status, cause },
      );
    }
  }

  #send(method: string, path: string, call: Call = {}): Promise<Response> {
    const limit = AbortSignal.timeout(this.#options.timeoutMs ?? 5000);
    const signal = call.signal ? AbortSignal.any([call.signal, limit]) : limit;
    return this.#fetch(path, call, {
      method,
      signal,
      redirect: 'manual',
      headers: {
        accept: 'application/json, application/problem+json',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
  }

  /** Sends a request as it is and gives its whole answer, whatever the status. @throws HyperpageError
   *  `sidecar-unreachable`, also when it takes longer than this connection's time limit. */
  async relay(path: string, init: RequestInit): Promise<RelayedAnswer> {
    const signal = AbortSignal.timeout(this.#options.timeoutMs ?? 5000);
    const response = await this.#fetch(path, {}, { ...init, signal, redirect: 'manual' });
    const { status, headers } = response;
    return { status, headers, bytes: new Uint8Array(await this.#guarded(response.arrayBuffer())) };
  }

  /** Opens a stream of server-sent events; it lasts until `signal` aborts. @throws HyperpageError */
  async stream(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const response = await this.#fetch(
      path,
      {},
      { signal, headers: { accept: 'text/event-stream', ...headers } },
    );
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  #fetch(path: string, call: Call, init: RequestInit): Promise<Response> {
    const send = this.#options.fetch ?? fetch;
    // Next.js up to 14 keeps what its own `fetch` gets, unless told not to.
    const uncached: RequestInit = { cache: 'no-store', ...init };
    return this.#guarded(send(`${this.url}${path}${queryString(call.query)}`, uncached));
  }

  async #guarded<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (cause) {
      throw new HyperpageError(
        'sidecar-unreachable',
        `cannot reach the sidecar at ${this.url} (${reasonOf(cause)}); is it running, and is ${APP_URL_ENV} right?`,
        { cause },
      );
    }
  }
}

function queryString(query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

// `fetch` hides the system's error one level down: "fetch failed" alone helps nobody.
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause.cause;
  if (inner instanceof Error) return inner.message || (inner as { code?: string }).code || inner.name;
  return cause.message || cause.name;
}

function environmentUrl(): string | undefined {
  const url = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.[
    APP_URL_ENV
  ];
  return url === '' ? undefined : url;
}
