import { createDeliveries } from '../../bench/deliveries.ts';
import { eventReader } from '../../bench/event-stream.ts';

describe('deliveries', () => {
  const started = (receivers: number) => {
    const clock = { nowMs: 0 };
    return { clock, deliveries: createDeliveries(receivers, () => clock.nowMs) };
  };

  it('measures from sending to each receiver', () => {
    const { clock, deliveries } = started(2);
    const message = deliveries.sent();
    clock.nowMs = 3;
    deliveries.received(0, message);
    clock.nowMs = 5;
    deliveries.received(1, message);
    expect(deliveries.latencies()).toEqual([3, 5]);
    expect(deliveries.complete()).toBe(true);
  });

  it('counts what never came and what came again', () => {
    const { deliveries } = started(2);
    const message = deliveries.sent();
    deliveries.received(0, message);
    deliveries.received(0, message);
    expect([deliveries.lost(), deliveries.doubled(), deliveries.complete()]).toEqual([1, 1, false]);
  });

  it('leaves messages of an earlier count alone', () => {
    const { deliveries } = started(1);
    deliveries.received(0, 17);
    expect([deliveries.latencies(), deliveries.lost()]).toEqual([[], 0]);
  });
});

describe('eventReader', () => {
  const read = (...pieces: string[]) => {
    const events: Array<[string, string]> = [];
    const take = eventReader((name, data) => events.push([name, data]));
    for (const piece of pieces) take(piece);
    return events;
  };

  it('gives each event once it is whole, wherever the stream was cut', () => {
    expect(read('event: message\nda', 'ta: {"a":1}\n', '\nevent: gap\ndata: {}\n\n')).toEqual([
      ['message', '{"a":1}'],
      ['gap', '{}'],
    ]);
  });

  it('skips heartbeat comments and ids, and joins lines of data', () => {
    expect(read(': beat\n\nid: 7\ndata: a\ndata: b\n\n')).toEqual([['message', 'a\nb']]);
  });
});
