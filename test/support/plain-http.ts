import { request } from 'node:http';

export interface PlainRequest {
  method?: string;
  path: string;
  headers?: Readonly<Record<string, string>>;
  /** A string or bytes go as they are; everything else as JSON, with its content type. */
  body?: unknown;
}

export interface PlainAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed when it is JSON, otherwise the text. */
  body: unknown;
}

/** One request as it is written, with nothing added: `fetch` would not send a Host of our own, or a GET as it is. */
export function plainRequest(baseUrl: string, options: PlainRequest): Promise<PlainAnswer> {
  const raw = typeof options.body === 'string' || Buffer.isBuffer(options.body);
  const body = options.body === undefined || raw ? options.body : JSON.stringify(options.body);
  const { hostname, port } = new URL(baseUrl);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: hostname,
      port,
      agent: false,
      method: options.method ?? 'GET',
      path: options.path,
      headers: {
        ...(options.body !== undefined && !raw ? { 'content-type': 'application/json' } : {}),
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body as string) }),
        ...options.headers,
      },
    });
    outgoing.once('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.once('end', () => {
        const isJson = text !== '' && /json/.test(answer.headers['content-type'] ?? '');
        const parsed: unknown = isJson ? JSON.parse(text) : text;
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: parsed });
      });
      answer.once('error', reject);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
