import { connect, type Socket } from 'node:net';
import type { HttpRequest } from './job.ts';

/** One HTTP/1.1 connection with one request in flight. `node:http`'s client takes about as much CPU a request as the
 *  server under test, on the same two cores; this one does what the bench needs and no more: answers with a
 *  `content-length`. */
export interface HttpConnection {
  /** Resolves with the status when the whole answer is there. */
  send(request: Buffer): Promise<number>;
  close(): void;
}

/** A request as bytes, made beforehand. */
export function encodeRequest({ method, path, cookie, body }: HttpRequest, host: string): Buffer {
  const start = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\naccept: application/json\r\n`;
  const head = cookie === undefined ? start : `${start}cookie: ${cookie}\r\n`;
  if (body === undefined) return Buffer.from(`${head}\r\n`);
  const length = Buffer.byteLength(body);
  return Buffer.from(`${head}content-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`);
}

export async function openConnection(port: number): Promise<HttpConnection> {
  const socket = await connected(port);
  let pending: PromiseWithResolvers<number> | undefined;
  let received: Buffer = Buffer.alloc(0);
  const fail = (error: Error) => {
    pending?.reject(error);
    pending = undefined;
  };
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    try {
      const status = completeAnswer(received);
      if (status === undefined) return;
      received = Buffer.alloc(0);
      pending?.resolve(status);
      pending = undefined;
    } catch (error) {
      fail(error as Error);
    }
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('connection closed')));
  return {
    send: (request) => {
      pending = Promise.withResolvers();
      socket.write(request);
      return pending.promise;
    },
    close: () => socket.destroy(),
  };
}

const connected = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });

const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

/** The status of the answer in `received`, undefined while some of it is missing.
 *  @throws Error for an answer without a `content-length`. */
export function completeAnswer(received: Buffer): number | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const head = received.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const length = status === 204 ? '0' : CONTENT_LENGTH.exec(head)?.[1];
  if (length === undefined) throw new Error('an answer without content-length');
  return received.length >= headEnd + 4 + Number(length) ? status : undefined;
}
