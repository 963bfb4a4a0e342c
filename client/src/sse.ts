/** Server-sent events (HTML Standard, section 9.2.6 "Interpreting an event stream"), for hosts whose `fetch` gives
 *  bytes and that have no EventSource. */
export interface ServerSentEvent {
  /** Name of the event; `message` when the server gave none. */
  event: string;
  data: string;
  /** The last id seen so far: what to resume from. Undefined before the first. */
  id: string | undefined;
}

export interface SseParser {
  /** Takes the next piece of text, cut anywhere, also between CR and LF. */
  push(text: string): void;
  /** What to resume from: the id of the last block that was complete, also of one without data. */
  readonly lastEventId: string | undefined;
}

/** Calls `onEvent` for every complete event, and `onRetry` when the server says how long to wait before reconnecting. */
export function createSseParser(
  onEvent: (event: ServerSentEvent) => void,
  onRetry: (delayMs: number) => void = () => {},
): SseParser {
  let rest = '';
  let first = true;
  let skipLf = false;
  let event = '';
  let data: string[] = [];
  let id: string | undefined;
  let lastEventId: string | undefined;

  const field = (name: string, value: string) => {
    if (name === 'event') event = value;
    else if (name === 'data') data.push(value);
    else if (name === 'id' && !value.includes('\0')) id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) onRetry(Number(value));
  };

  const line = (text: string) => {
    if (text === '') {
      lastEventId = id;
      if (data.length > 0) onEvent({ event: event || 'message', data: data.join('\n'), id });
      event = '';
      data = [];
      return;
    }
    const colon = text.indexOf(':');
    if (colon === 0) return; // A comment: the server's heartbeat.
    if (colon === -1) return field(text, '');
    const value = text.slice(colon + 1);
    field(text.slice(0, colon), value.startsWith(' ') ? value.slice(1) : value);
  };

  return {
    get lastEventId() {
      return lastEventId;
    },
    push(chunk) {
      let text = chunk;
      if (text === '') return;
      if (first) {
        first = false;
        if (text.startsWith('\uFEFF')) text = text.slice(1);
      }
      // The LF of a CRLF that was cut in two ends no second line.
      if (skipLf && text.startsWith('\n')) text = text.slice(1);
      skipLf = chunk.endsWith('\r');
      const lines = (rest + text).split(/\r\n|\r|\n/);
      rest = lines.pop() ?? '';
      for (const complete of lines) line(complete);
    },
  };
}
