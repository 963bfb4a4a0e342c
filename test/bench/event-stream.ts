import { get } from 'node:http';

export interface EventStream {
  close(): void;
}

/** Listens to server-sent events; resolves when the stream is open. `onEvent` gets the name and the data of each.
 *  @throws Error when the answer is not 200. */
export function openEventStream(
  url: string,
  onEvent: (name: string, data: string) => void,
): Promise<EventStream> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { accept: 'text/event-stream' }, agent: false }, (answer) => {
      if (answer.statusCode !== 200) {
        answer.resume();
        reject(new Error(`GET ${url}: ${answer.statusCode}`));
        return;
      }
      const take = eventReader(onEvent);
      answer
        .setEncoding('utf8')
        .on('data', take)
        .on('error', () => {});
      resolve({ close: () => request.destroy() });
    });
    request.on('error', reject);
  });
}

/** Takes the text of an event stream piece by piece and gives each whole event (HTML Standard, section 9.2.6). */
export function eventReader(onEvent: (name: string, data: string) => void): (piece: string) => void {
  let text = '';
  return (piece) => {
    text += piece;
    let from = 0;
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n', from)) {
      emit(text.slice(from, end), onEvent);
      from = end + 2;
    }
    text = text.slice(from);
  };
}

function emit(block: string, onEvent: (name: string, data: string) => void): void {
  let name = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, field, value] = /^(event|data): ?(.*)$/.exec(line) ?? [];
    if (field === 'event') name = value ?? '';
    if (field === 'data') data.push(value ?? '');
  }
  if (data.length > 0) onEvent(name, data.join('\n'));
}
