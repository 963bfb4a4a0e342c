import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '@hyperpage/runtime';

/** One server-sent event. `data` is sent as JSON. */
export interface StreamEvent {
  event: string;
  data: unknown;
  id?: string;
}

export interface EventStreamOptions {
  clock: Clock;
  /** Says what a reader gets that was too slow: once, when it reads again, in place of all that was dropped. `dropped`
   *  is the newest of them. */
  onOverflow: (dropped: StreamEvent) => StreamEvent;
  /** Most text that waits for a slow reader, in characters. */
  maxQueuedChars?: number;
  /** Time between comments that keep proxies and idle timers quiet. */
  heartbeatMs?: number;
}

/** Server-sent events to one reader, with bounded memory: what `write` does not take waits in a queue, and when that is
 *  full it is dropped and the reader is told so. */
export class EventStream {
  readonly #res: ServerResponse;
  readonly #options: EventStreamOptions;
  #queue: string[] = [];
  #queuedChars = 0;
  #blocked = false;
  #dropped: StreamEvent | undefined;
  #heartbeat: Timer | undefined;

  constructor(res: ServerResponse, options: EventStreamOptions) {
    this.#res = res;
    this.#options = options;
    res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    res.flushHeaders();
    res.on('drain', () => this.#drained());
    res.once('close', () => this.#heartbeat?.cancel());
    this.#beat();
  }

  /** Tells the reader where to go on from, and how soon, should the stream break before its first event. */
  open(id?: string): void {
    this.#write(`${id === undefined ? '' : `id: ${id}\n`}retry: 1000\n\n`);
  }

  send(event: StreamEvent): void {
    if (this.#res.writableEnded || this.#res.destroyed) return;
    if (!this.#blocked) return this.#write(textOf(event));
    const text = textOf(event);
    if (this.#dropped === undefined && this.#queuedChars + text.length <= this.#limit()) {
      this.#queue.push(text);
      this.#queuedChars += text.length;
      return;
    }
    this.#queue = [];
    this.#queuedChars = 0;
    this.#dropped = event;
  }

  /** Ends the stream; the reader will come back by itself. */
  end(): void {
    this.#heartbeat?.cancel();
    this.#res.end();
  }

  #limit(): number {
    return this.#options.maxQueuedChars ?? 1_048_576;
  }

  #write(text: string): void {
    this.#blocked = !this.#res.write(text);
  }

  #drained(): void {
    this.#blocked = false;
    const dropped = this.#dropped;
    const texts = dropped ? [textOf(this.#options.onOverflow(dropped))] : this.#queue;
    this.#dropped = undefined;
    this.#queue = [];
    this.#queuedChars = 0;
    if (texts.length > 0) this.#write(texts.join(''));
  }

  #beat(): void {
    this.#heartbeat = this.#options.clock.after(this.#options.heartbeatMs ?? 15_000, () => {
      if (!this.#blocked) this.#write(': still here\n\n');
      this.#beat();
    });
  }
}

const textOf = ({ event, data, id }: StreamEvent) =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
