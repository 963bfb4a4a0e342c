import { type Clock, every, sleep, type Timer } from '@hyperpage/runtime';
import { Command, Redis } from 'ioredis';
import type { Access } from './access.ts';
import { type Authentication, keepAuthenticated } from './authentication.ts';
import {
  type ConnectionOptions,
  connectionOptions,
  HEARTBEAT_TIMEOUT_MS,
  type RedisTarget,
} from './options.ts';
import { type Address, isSame } from './sentinels.ts';

export interface ConnectionEvents {
  /** Connected, to the primary where Sentinel says who it is. What is to be done first on a new connection is done
   *  here; when it rejects it is tried again, and the connection counts as not made until it is done. */
  onReady(client: Redis): Promise<void>;
  /** `onReady` is through: the connection can be used. */
  onSettled(): void;
  /** No longer, or not yet: `reason` says why. */
  onLost(reason: string): void;
}

const HEARTBEAT_MS = 1000;
const RETRY_MS = 500;

/** One connection that is always coming back, and is told apart from one that only looks alive by a heartbeat: a
 *  process that is stopped keeps its TCP connections. */
export class Connection {
  readonly client: Redis;
  #ready = false;
  #closed = false;
  #lastError = 'the connection was closed';
  readonly #heartbeat: Timer;
  readonly #authentication: Authentication;

  constructor(
    target: RedisTarget,
    role: string,
    events: ConnectionEvents,
    {
      access,
      clock,
      random,
      more,
    }: { access: Access; clock: Clock; random: () => number; more?: ConnectionOptions },
  ) {
    const options = connectionOptions(target, random, more);
    this.client = target.kind === 'url' ? new Redis(target.url, options) : new Redis(options);
    this.#authentication = keepAuthenticated(this.client, role, { access, clock, random });
    // An ioredis error carries its command with all arguments, passwords among them: only its message may be kept.
    this.client.on('error', (error) => {
      this.#lastError = error.message;
      // While the sentinels name no primary there is no connection that could close.
      if (!this.#ready && !this.#closed) events.onLost(error.message);
    });
    // ioredis listens for one error of a stream; over TLS a second one may follow, and would end the process.
    this.client.on('connect', () => this.client.stream?.on('error', () => {}));
    this.client.on('ready', () => void this.#welcome(events, clock));
    this.client.on('close', () => this.#lose(events));
    this.client.on('end', () => this.#comeBack(clock, events));
    this.#heartbeat = every(
      clock,
      HEARTBEAT_MS,
      () => this.#beat(),
      () => {},
    );
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Whom it is connected to. */
  get peer(): Address {
    return peerOf(this.client.stream);
  }

  connect(): void {
    this.client.connect().catch(() => {});
  }

  close(): void {
    this.#closed = true;
    this.#ready = false;
    this.#heartbeat.cancel();
    this.#authentication.stop();
    this.client.disconnect();
  }

  /** Connects anew, unless it is to `primary` already: every sentinel tells of the same switch, one after another. */
  leaveFor(primary: Address): void {
    const { stream, status } = this.client;
    if (isSame(peerOf(stream), primary)) return;
    if (status === 'ready') this.reconnect();
    // Half-made to one that may never answer: cut below the client, which tries again then.
    else if (!this.#closed && (status === 'connecting' || status === 'connect')) stream?.destroy();
  }

  async #welcome(events: ConnectionEvents, clock: Clock): Promise<void> {
    const { stream } = this.client;
    const still = () => !this.#closed && this.client.status === 'ready' && this.client.stream === stream;
    while (still()) {
      try {
        await events.onReady(this.client);
        break;
      } catch (error) {
        this.#lastError = error instanceof Error ? error.message : String(error);
        events.onLost(this.#lastError);
        await sleep(clock, RETRY_MS);
      }
    }
    if (!still()) return;
    this.#ready = true;
    events.onSettled();
  }

  #lose(events: ConnectionEvents): void {
    if (this.#closed) return;
    this.#ready = false;
    events.onLost(this.#lastError);
  }

  /** The client gave up: it does so when it was cut while it asked the sentinels. */
  #comeBack(clock: Clock, events: ConnectionEvents): void {
    if (this.#closed) return;
    this.#lose(events);
    clock.after(HEARTBEAT_MS, () => {
      if (this.#closed || this.client.status !== 'end') return;
      this.#authentication.offer();
      this.connect();
    });
  }

  async #beat(): Promise<void> {
    if (this.client.status !== 'ready') return;
    try {
      // Its own patience is set first, and stands.
      const ping = new Command('PING', [], { replyEncoding: 'utf8' });
      ping.setTimeout(HEARTBEAT_TIMEOUT_MS);
      await this.client.sendCommand(ping);
    } catch (error) {
      this.#lastError = error instanceof Error ? error.message : String(error);
      this.reconnect();
    }
  }

  /** Only from `ready`: cut at another time the client gives up for good. */
  reconnect(): void {
    if (!this.#closed && this.client.status === 'ready') this.client.disconnect(true);
  }
}

const peerOf = (stream: Redis['stream'] | undefined): Address => ({
  host: stream?.remoteAddress?.replace(/^::ffff:/, '') ?? '',
  port: stream?.remotePort ?? 0,
});
