import { createSseParser, type ServerSentEvent } from '../../../client/src/sse.ts';

const parse = (chunks: string[]) => {
  const events: ServerSentEvent[] = [];
  const retries: number[] = [];
  const parser = createSseParser(
    (event) => events.push(event),
    (delayMs) => retries.push(delayMs),
  );
  for (const chunk of chunks) parser.push(chunk);
  return { events, retries, lastEventId: parser.lastEventId };
};

const STREAM = [
  ': hello\r\n',
  'retry: 1500\r\n\r\n',
  'event: message\r\nid: 7-0\r\ndata: {"a":1,\r\ndata: "b":"ünï ☃"}\r\n\r\n',
  'data:no space\rid\r\r',
  'event: gap\ndata: x\ndata\n\n',
  'id: 9\n\n',
  'event: unfinished\ndata: never handed on\n',
].join('');

const EXPECTED: ServerSentEvent[] = [
  { event: 'message', data: '{"a":1,\n"b":"ünï ☃"}', id: '7-0' },
  { event: 'message', data: 'no space', id: '' },
  { event: 'gap', data: 'x\n', id: '' },
];

describe('the parser of server-sent events', () => {
  test('reads fields, comments and every kind of line end', () => {
    expect(parse([STREAM])).toEqual({ events: EXPECTED, retries: [1500], lastEventId: '9' });
  });

  test('gives the same events wherever the stream is cut', () => {
    for (let size = 1; size < 9; size += 1) {
      const chunks = STREAM.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      expect(parse(chunks).events).toEqual(EXPECTED);
    }
    for (let at = 0; at <= STREAM.length; at += 1)
      expect(parse([STREAM.slice(0, at), '', STREAM.slice(at)]).events).toEqual(EXPECTED);
  });

  test('forgets a byte order mark and only the first', () => {
    expect(parse(['\uFEFFdata: a\n\n', '\uFEFFdata: b\n\n']).events.map((event) => event.data)).toEqual([
      'a',
    ]);
  });

  test('takes no id with a NUL in it', () => {
    expect(parse(['id: 1\n\n', 'id: 2\0\n\n']).lastEventId).toBe('1');
  });

  test('resumes after the last whole event, not after half of one', () => {
    expect(parse(['id: 1\ndata: a\n\n', 'id: 2\ndata: b\n']).lastEventId).toBe('1');
  });

  test('hands on no event without data', () => {
    expect(parse(['event: empty\n\n', '\n\n\n']).events).toEqual([]);
  });
});
