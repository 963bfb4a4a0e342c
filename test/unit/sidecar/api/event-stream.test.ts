import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { EventStream } from '../../../../sidecar/src/api/event-stream.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

/** A response whose reader takes what it is told to. */
class Reader extends EventEmitter {
  text = '';
  reading = true;
  writableEnded = false;
  destroyed = false;
  writeHead(): void {}
  flushHeaders(): void {}
  write(text: string): boolean {
    this.text += text;
    return this.reading;
  }
  end(): void {
    this.writableEnded = true;
    this.emit('close');
  }
  /** The events so far, as `name data`; then forgets them. */
  take(): string[] {
    const events = [...this.text.matchAll(/event: (.*)\ndata: (.*)\n\n/g)].map(
      ([, name, data]) => `${name} ${data}`,
    );
    this.text = '';
    return events;
  }
}

const open = (maxQueuedChars = 200) => {
  const clock = new VirtualClock();
  const reader = new Reader();
  const stream = new EventStream(reader as unknown as ServerResponse, {
    clock,
    maxQueuedChars,
    onOverflow: (dropped) => ({ event: 'gap', data: dropped.data }),
  });
  return { clock, reader, stream };
};

describe('server-sent events', () => {
  test('reach a reader as they come', () => {
    const { reader, stream } = open();
    stream.send({ event: 'a', data: { x: 1 }, id: '7' });
    expect(reader.text).toContain('id: 7\nevent: a\ndata: {"x":1}\n\n');
  });

  test('wait for a reader that is slow, in order', () => {
    const { reader, stream } = open();
    reader.reading = false;
    for (const data of [1, 2, 3]) stream.send({ event: 'a', data });
    expect(reader.take()).toEqual(['a 1']);
    reader.emit('drain');
    expect(reader.take()).toEqual(['a 2', 'a 3']);
  });

  test('that do not fit are dropped, and the reader is told so where they are missing', () => {
    const { reader, stream } = open();
    reader.reading = false;
    for (let data = 1; data <= 100; data += 1) stream.send({ event: 'a', data });
    expect(reader.take()).toEqual(['a 1']);
    reader.reading = true;
    reader.emit('drain');
    stream.send({ event: 'a', data: 101 });
    expect(reader.take()).toEqual(['gap 100', 'a 101']);
  });

  test('are interspersed with comments, but not for a reader that reads nothing', async () => {
    const { clock, reader } = open();
    await clock.advance(15_000);
    expect(reader.text).toBe(': still here\n\n');
    reader.reading = false;
    await clock.advance(15_000);
    reader.text = '';
    await clock.advance(60_000);
    expect(reader.text).toBe('');
  });

  test('end with the stream: no timer is left', () => {
    const { clock, stream } = open();
    stream.end();
    stream.send({ event: 'a', data: 1 });
    expect(clock.pending).toBe(0);
  });
});
