import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import type { ClusterLayout } from './layout.ts';

export interface ApiResponse {
  status: number;
  body: string;
}

/** A small client for the cluster's own API server: the start of a cluster polls it, and kubectl takes half a second
 *  of CPU for each call. */
export interface Api {
  /** @throws Error when there is no connection or no answer within two seconds. */
  call(method: string, path: string, body?: unknown, contentType?: string): Promise<ApiResponse>;
  close(): void;
}

export async function connect(layout: ClusterLayout): Promise<Api> {
  const read = (file: string) => readFile(join(layout.pki, file), 'utf8');
  const [ca, cert, key] = await Promise.all([read('ca.crt'), read('admin.crt'), read('admin.key')]);
  const agent = new Agent({ ca, cert, key, keepAlive: true });
  return {
    call: (method, path, body, contentType = 'application/json') =>
      send(agent, new URL(path, layout.apiServerUrl), method, contentType, body),
    close: () => agent.destroy(),
  };
}

function send(
  agent: Agent,
  url: URL,
  method: string,
  contentType: string,
  body: unknown,
): Promise<ApiResponse> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': contentType };
    const sent = request(url, { method, agent, headers, timeout: 2_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    });
    sent.on('timeout', () => sent.destroy(new Error(`${method} ${url.pathname} got no answer`)));
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Whether the path answers 200; false too when nobody answers. */
export async function answers(api: Api, path: string): Promise<boolean> {
  try {
    return (await api.call('GET', path)).status === 200;
  } catch {
    return false;
  }
}

/** @throws Error with the server's words, unless it answers with a success. */
export async function get<T>(api: Api, path: string): Promise<T> {
  const { status, body } = await api.call('GET', path);
  if (status !== 200) throw new Error(`GET ${path}: ${status} ${body}`);
  return JSON.parse(body) as T;
}
