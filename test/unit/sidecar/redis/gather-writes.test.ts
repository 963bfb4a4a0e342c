import { Writable } from 'node:stream';
import { gatherWrites } from '../../../../sidecar/src/redis/gather-writes.ts';
import { settled } from '../../../support/virtual-clock.ts';

/** A stream that keeps what each write to the system would carry. */
function recorded() {
  const writes: string[] = [];
  const text = (chunk: unknown) => String(chunk);
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      writes.push(text(chunk));
      done();
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => text(chunk)).join(''));
      done();
    },
  });
  return { stream, writes };
}

test('what is written in one turn leaves as one write, and the next turn has its own', async () => {
  const { stream, writes } = recorded();
  const gathered = gatherWrites(() => stream);
  const write = (chunk: string) => {
    gathered();
    stream.write(chunk);
  };
  write('a');
  write('b');
  await Promise.resolve().then(() => write('c'));
  expect(writes).toEqual([]);
  await settled();
  write('d');
  await settled();
  expect(writes).toEqual(['abc', 'd']);
});

test('a stream that another one replaced is let go, and the other one gathers from the next turn on', async () => {
  const [first, second] = [recorded(), recorded()];
  let current: Writable | undefined = first.stream;
  const gathered = gatherWrites(() => current);
  gathered();
  first.stream.write('a');
  current = second.stream;
  gathered();
  second.stream.write('b');
  await settled();
  gathered();
  second.stream.write('c');
  second.stream.write('d');
  await settled();
  expect([first.writes, second.writes]).toEqual([['a'], ['b', 'cd']]);
  current = undefined;
  expect(gathered).not.toThrow();
});
