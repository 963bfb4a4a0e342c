import { request } from 'node:http';

export interface ReceivedEvent {
  event: string;
  id: string | undefined;
  data: unknown;
}

export interface OpenStream {
  status: number;
  contentType: string;
  /** The next event; waits for it. */
  next(): Promise<ReceivedEvent>;
  /** The last id the server gave, also without an event. */
  lastId(): string | undefined;
  /** Resolves when the server ends the stream. */
  ended: Promise<void>;
  close(): void;
}

/** Reads server-sent events of `path`, as a browser's EventSource would. */
export function openEvents(
  baseUrl: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<OpenStream> {
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, baseUrl), {
      headers: { accept: 'text/event-stream', ...headers },
      agent: false,
    });
    outgoing.once('error', reject);
    outgoing.once('response', (answer) => {
      const waiting: Array<(event: ReceivedEvent) => void> = [];
      const arrived: ReceivedEvent[] = [];
      const ended = Promise.withResolvers<void>();
      let lastId: string | undefined;
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        const blocks = (text + chunk).split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) {
          const fields = new Map(
            block
              .split('\n')
              .map((line) => /^([a-z]+): (.*)$/s.exec(line))
              .flatMap((match) => (match ? [[match[1], match[2]] as const] : [])),
          );
          lastId = fields.get('id') ?? lastId;
          const event = fields.get('event');
          if (event === undefined) continue;
          const received = {
            event,
            id: fields.get('id'),
            data: JSON.parse(fields.get('data') ?? 'null') as unknown,
          };
          const taker = waiting.shift();
          if (taker) taker(received);
          else arrived.push(received);
        }
      });
      answer.once('close', () => ended.resolve());
      answer.on('error', () => ended.resolve());
      resolve({
        status: answer.statusCode ?? 0,
        contentType: answer.headers['content-type'] ?? '',
        next: () => {
          const first = arrived.shift();
          return first ? Promise.resolve(first) : new Promise((taker) => waiting.push(taker));
        },
        lastId: () => lastId,
        ended: ended.promise,
        close: () => outgoing.destroy(),
      });
    });
    outgoing.end();
  });
}
