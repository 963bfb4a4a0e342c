import { createServer, type Server } from 'node:http';
import type { Registry } from '@hyperpage/runtime';

export interface HealthOptions {
  registry: Registry;
  /** Undefined when ready; else what is missing. */
  notReady(): string | undefined;
  /** Undefined when alive; else what hangs. */
  notAlive(): string | undefined;
}

/** The operator's HTTP server: `/healthz`, `/readyz`, `/metrics`. */
export function createHealthServer({ registry, notReady, notAlive }: HealthOptions): Server {
  const answers: Record<string, () => string | undefined> = { '/healthz': notAlive, '/readyz': notReady };
  return createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const send = (status: number, body: string, type = 'text/plain; charset=utf-8') =>
      void response.writeHead(status, { 'content-type': type }).end(body);
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'only GET\n');
    const answer = answers[path];
    if (answer) {
      const problem = answer();
      return problem ? send(503, `${problem}\n`) : send(200, 'ok\n');
    }
    if (path !== '/metrics') return send(404, 'there are /healthz, /readyz and /metrics\n');
    registry.metrics().then(
      (text) => send(200, text, registry.contentType),
      () => send(500, 'metrics failed\n'),
    );
  });
}
