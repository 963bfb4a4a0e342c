import { createInterface } from 'node:readline';
import type { Kubectl } from '../kubectl.ts';

/** Talks to a pod's sidecar as its app does: from inside the app container, over localhost. */
export interface PodSidecar {
  /** Sends a request and gives the parsed answer. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Listens for a message of `type` on the SSE stream. */
  receive(type: string, timeoutMs: number): { listening: Promise<void>; payload: Promise<unknown> };
}

const CALL = `
const [method, path, body] = JSON.parse(process.argv[1] ?? '[]');
fetch(process.env.HYPERPAGE_URL + path, { method, ...(body == null ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) })
  .then(async (answer) => { const text = await answer.text(); if (!answer.ok) { console.error(text); process.exit(1); } process.stdout.write(text || '{}'); })
  .catch((error) => { console.error(String(error.cause ?? error)); process.exit(1); });`;

const RECEIVE = `
const [type, timeoutMs] = JSON.parse(process.argv[1] ?? '[]');
setTimeout(() => { console.error('no message within ' + timeoutMs + ' ms'); process.exit(1); }, timeoutMs);
const answer = await fetch(process.env.HYPERPAGE_URL + '/v1/messages', { headers: { accept: 'text/event-stream' } });
console.log('listening');
let text = '';
for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
  text += chunk;
  const found = text.split('\\n').filter((line) => line.startsWith('data:')).map((line) => { try { return JSON.parse(line.slice(5)); } catch { return {}; } }).find((message) => message.type === type);
  if (found) { console.log(JSON.stringify(found.payload)); process.exit(0); }
}`;

const execArgs = (namespace: string, pod: string, script: string, parameters: unknown[]) => [
  '-n',
  namespace,
  'exec',
  pod,
  '-c',
  'app',
  '--',
  'node',
  '--input-type=module',
  '-e',
  script,
  JSON.stringify(parameters),
];

export const podSidecar = (kubectl: Kubectl, namespace: string, pod: string): PodSidecar => ({
  call: async <T>(method: string, path: string, body?: unknown) =>
    JSON.parse(await kubectl(execArgs(namespace, pod, CALL, [method, path, body]))) as T,
  receive: (type, timeoutMs) => {
    const child = kubectl.start(execArgs(namespace, pod, RECEIVE, [type, timeoutMs]));
    const listening = Promise.withResolvers<void>();
    const payload = Promise.withResolvers<unknown>();
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
    createInterface(child.stdout).on('line', (line) => {
      if (line === 'listening') listening.resolve();
      else payload.resolve(JSON.parse(line));
    });
    child.once('close', (code) => {
      const error = new Error(`no message reached ${pod} (exit ${code}): ${errors.trim()}`);
      listening.reject(error);
      payload.reject(error);
    });
    payload.promise.catch(() => {});
    return { listening: listening.promise, payload: payload.promise };
  },
});
