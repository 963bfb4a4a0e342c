import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { close, listen } from '@hyperpage/runtime';

export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface FakeSidecar {
  url: string;
  /** Everything that was asked, oldest first. */
  received: Received[];
  /** What answers from now on. */
  answer: (request: Received, response: ServerResponse) => void;
  stop(): Promise<void>;
}

/** A server that answers what the test says: for the failures that a real sidecar does not show on demand. */
export async function startFakeSidecar(): Promise<FakeSidecar> {
  const server = createServer((request, response) => void serve(request, response));
  const port = await listen(server, 0, '127.0.0.1');
  const fake: FakeSidecar = {
    url: `http://127.0.0.1:${port}`,
    received: [],
    answer: (_request, response) => response.writeHead(204).end(),
    stop: () => close(server, 0),
  };
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const received = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    fake.received.push(received);
    fake.answer(received, response);
  };
  return fake;
}

export const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

export const problem = (response: ServerResponse, status: number, code: string, detail: string): void => {
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ type: `urn:hyperpage:problem:${code}`, title: code, status, detail, code }));
};

/** Waits until `condition` holds. The limit only guards against a hang. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endsAt = performance.now() + 8000;
  while (!(await condition())) {
    if (performance.now() > endsAt) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
