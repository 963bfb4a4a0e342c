import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Access } from './access.ts';
import { encode, RefusedReply, type Reply, ReplyReader } from './resp.ts';

export interface Address {
  host: string;
  port: number;
}

/** One connection to a Redis or a Sentinel. It never resends: what was not answered is not known. */
export interface Connection {
  /** Sends a command. @throws RefusedReply for an error answer, Error when there is none in time; the connection is
   *  closed then, as later answers could not be told apart. */
  call(args: ReadonlyArray<string | number>, timeoutMs?: number): Promise<Reply>;
  readonly open: boolean;
  /** `address:port` of the other end. */
  readonly peer: string;
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 1_000;

/** Connects and authenticates. @throws Error when that does not succeed within `timeoutMs`. */
export async function openConnection(
  access: Access,
  address: Address,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<Connection> {
  const secrets = access.read();
  const { host, port } = address;
  const socket = secrets.ca
    ? connectTls({ host, port, ca: secrets.ca, servername: access.serverName ?? host })
    : connectTcp({ host, port });
  const connection = new SocketConnection(socket);
  try {
    await connection.opened(secrets.ca ? 'secureConnect' : 'connect', timeoutMs);
    if (secrets.password) await connection.call(['AUTH', secrets.password], timeoutMs);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

interface Waiting {
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

class SocketConnection implements Connection {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #failure: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new ReplyReader();
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const reply of reader.push(chunk)) this.#answer(reply);
      } catch (error) {
        this.#fail(error as Error);
      }
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('connection closed')));
  }

  get open(): boolean {
    return this.#failure === undefined;
  }

  get peer(): string {
    return `${this.#socket.remoteAddress}:${this.#socket.remotePort}`;
  }

  async opened(event: 'connect' | 'secureConnect', timeoutMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error('connect timed out')), timeoutMs);
    this.#socket.once(event, resolve);
    this.#socket.once('close', () => reject(this.#failure ?? new Error('connection closed')));
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  call(args: ReadonlyArray<string | number>, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<Reply> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(new Error('no answer in time')), timeoutMs);
      this.#waiting.push({ resolve, reject, timer });
      this.#socket.write(encode(args));
    });
  }

  close(): void {
    this.#fail(new Error('connection closed'));
  }

  #answer(reply: Reply): void {
    const first = this.#waiting.shift();
    if (!first) return;
    clearTimeout(first.timer);
    if (reply instanceof RefusedReply) first.reject(reply);
    else first.resolve(reply);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#socket.destroy();
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(this.#failure);
    }
  }
}
