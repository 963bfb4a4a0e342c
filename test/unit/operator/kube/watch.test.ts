import { linesOf, parseEvent, watchdog } from '../../../../operator/src/kube/watch.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

async function* chunksOf(...chunks: string[]) {
  for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
}
const collect = async (lines: AsyncIterable<string>) => {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
};

describe('lines of a watch', () => {
  test.each([
    ['several in a chunk', ['a\nbb\nccc\n'], ['a', 'bb', 'ccc']],
    ['one over several chunks', ['a', 'b', 'c\n'], ['abc']],
    ['an end at the edge of a chunk', ['a', '\nb\n', '\n'], ['a', 'b', '']],
    ['no end', ['a\nhalf'], ['a']],
    ['nothing', [], []],
  ])('%s', async (_name, chunks, lines) => {
    expect(await collect(linesOf(chunksOf(...chunks)))).toEqual(lines);
  });

  test('a character cut in two by a chunk is whole', async () => {
    const bytes = Buffer.from('ü\n').toString('latin1');
    expect(await collect(linesOf(chunksOf(bytes.slice(0, 1), bytes.slice(1))))).toEqual(['ü']);
  });

  test('a line without end is an error, not all the memory', async () => {
    await expect(collect(linesOf(chunksOf('aaaa', 'bbbb'), 7))).rejects.toThrow('longer than 7 bytes');
  });
});

describe('an event of a watch', () => {
  const object = { metadata: { name: 'a', resourceVersion: '7' } };
  const line = (type: string, object: unknown) => JSON.stringify({ type, object });

  test.each([
    ['ADDED', 'put'],
    ['MODIFIED', 'put'],
    ['DELETED', 'removed'],
  ])('%s is %s', (type, meant) => {
    expect(parseEvent(line(type, object))).toEqual({ type: meant, object });
  });

  test('a bookmark gives its version', () => {
    expect(parseEvent(line('BOOKMARK', object))).toEqual({ type: 'bookmark', resourceVersion: '7' });
  });

  test('an unknown type is passed over', () => {
    expect(parseEvent(line('SNAPSHOT', object))).toBeUndefined();
  });

  test('an ERROR is thrown with its code, reason and time to wait', () => {
    const status = {
      code: 429,
      reason: 'TooManyRequests',
      message: 'slow',
      details: { retryAfterSeconds: 3 },
    };
    expect(() => parseEvent(line('ERROR', status))).toThrow(
      expect.objectContaining({ status: 429, reason: 'TooManyRequests', retryAfterMs: 3000 }),
    );
    expect(() => parseEvent(line('ERROR', undefined))).toThrow(expect.objectContaining({ status: 500 }));
  });

  test.each(['', '{', 'null', '[]', '7', '{"type":"ADDED"}', '{"type":"ADDED","object":{"metadata":{}}}'])(
    'garbage is thrown: %s',
    (text) => {
      expect(() => parseEvent(text)).toThrow(/./);
    },
  );
});

describe('the watchdog of a watch', () => {
  test('cuts after the silence it was told, counted from the last byte', async () => {
    const clock = new VirtualClock();
    const dog = watchdog(clock, 90_000, new AbortController().signal);
    for (let i = 0; i < 5; i++) {
      await clock.advance(80_000);
      dog.feed();
    }
    await clock.advance(89_999);
    expect(dog.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(dog.signal.reason).toMatchObject({ name: 'StallError' });
    expect(clock.pending).toBe(0);
  });

  test('passes on what its parent is aborted with, and leaves no timer when cancelled', async () => {
    const clock = new VirtualClock();
    const parent = new AbortController();
    const dog = watchdog(clock, 90_000, parent.signal);
    parent.abort(new Error('stopped'));
    expect(dog.signal.reason).toMatchObject({ message: 'stopped' });
    dog.cancel();
    expect(clock.pending).toBe(0);
    expect(watchdog(clock, 1, parent.signal).signal.aborted).toBe(true);
  });
});
