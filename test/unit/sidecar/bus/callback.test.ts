import { createServer } from 'node:http';
import type { CoordinationMessage, Priority } from '@hyperpage/contract';
import { close, createRegistry, listen, silentLogger, systemClock } from '@hyperpage/runtime';
import type { Post } from '../../../../sidecar/src/bus/callback.ts';
import {
  type Bus,
  type BusListener,
  busMetrics,
  deliverToCallback,
} from '../../../../sidecar/src/bus/index.ts';
import { eventually } from '../../../support/eventually.ts';
import { settled, VirtualClock } from '../../../support/virtual-clock.ts';

const message = (n: number, priority: Priority = 'normal'): CoordinationMessage => ({
  id: `m-${n}`,
  type: 'broadcast',
  payload: n,
  timestamp: 0,
  sourcePod: 'pod-a',
  priority,
});

/** A bus that a test speaks on. */
function fakeBus() {
  let listener: BusListener = () => {};
  const bus: Pick<Bus, 'subscribe'> = {
    subscribe: (given) => {
      listener = given;
      return { cursor: () => '', close: () => (listener = () => {}) };
    },
  };
  return {
    bus,
    say: (one: CoordinationMessage) => listener({ kind: 'message', message: one, cursor: '' }),
    gap: () => listener({ kind: 'gap', reason: 'reset', cursor: '' }),
  };
}

function deliver(post: Post) {
  const clock = new VirtualClock();
  const { bus, say, gap } = fakeBus();
  const metrics = busMetrics(createRegistry({ processMetrics: false }));
  const stop = deliverToCallback(bus, {
    url: 'http://127.0.0.1:1/x',
    clock,
    random: () => 0.5,
    log: silentLogger,
    metrics,
    post,
  });
  const dropped = async () =>
    Object.fromEntries(
      (await metrics.dropped.get()).values.map(({ labels, value }) => [labels.reason, value]),
    );
  return { clock, say, gap, stop, dropped };
}

describe('delivery to the callback of the app', () => {
  test('messages are posted as JSON, and any 2xx acknowledges', async () => {
    const bodies: unknown[] = [];
    const connections = new Set<unknown>();
    const server = createServer((request, response) => {
      let body = '';
      connections.add(request.socket);
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        bodies.push({
          method: request.method,
          type: request.headers['content-type'],
          body: JSON.parse(body) as unknown,
        });
        response.writeHead(202).end('thanks');
      });
    });
    const port = await listen(server, 0, '127.0.0.1');
    const { bus, say } = fakeBus();
    const stop = deliverToCallback(bus, {
      url: `http://127.0.0.1:${port}/hyperpage/messages`,
      clock: systemClock,
      random: Math.random,
      log: silentLogger,
      metrics: busMetrics(createRegistry({ processMetrics: false })),
    });
    say(message(1));
    say(message(2));
    await eventually('both are posted', () => bodies.length === 2);
    expect(connections.size).toBe(1);
    expect(bodies[0]).toEqual({ method: 'POST', type: 'application/json', body: message(1) });
    stop();
    await close(server, 100);
  });

  test('what the app does not take is tried again, in order, and dropped after the fifth retry', async () => {
    const attempts: string[] = [];
    const { clock, say, dropped } = deliver(async (_url, { id }) => {
      attempts.push(id);
      if (id === 'm-1') return 500;
      return 204;
    });
    say(message(1));
    say(message(2));
    await settled();
    expect(attempts).toEqual(['m-1']);
    await clock.advance(60_000);
    expect(attempts).toEqual(['m-1', 'm-1', 'm-1', 'm-1', 'm-1', 'm-1', 'm-2']);
    expect(await dropped()).toEqual({ 'callback-failed': 1 });
  });

  test('an app that is not there yet gets the message when it is', async () => {
    let up = false;
    const taken: string[] = [];
    const { clock, say, dropped } = deliver(async (_url, { id }) => {
      if (!up) throw new Error('connect ECONNREFUSED');
      taken.push(id);
      return 200;
    });
    say(message(1));
    await clock.advance(500);
    up = true;
    await clock.advance(5000);
    expect(taken).toEqual(['m-1']);
    expect(await dropped()).toEqual({});
  });

  test('a stuck priority delays no other', async () => {
    const taken: string[] = [];
    const { say } = deliver(async (_url, { id, priority }) => {
      if (priority === 'low') await new Promise(() => {});
      taken.push(id);
      return 200;
    });
    say(message(1, 'low'));
    say(message(2, 'low'));
    say(message(3, 'normal'));
    say(message(4, 'high'));
    await settled();
    expect(taken.sort()).toEqual(['m-3', 'm-4']);
  });

  test('a queue that is full drops what comes, and says so', async () => {
    const { say, dropped, gap } = deliver(() => new Promise(() => {}));
    for (let n = 0; n < 1030; n++) say(message(n));
    gap();
    expect(await dropped()).toEqual({ 'callback-overflow': 5 });
  });

  test('after the end nothing is posted, and what was under way is cut', async () => {
    const aborted: boolean[] = [];
    const posted: string[] = [];
    const { say, stop, dropped } = deliver(
      (_url, { id }, signal) =>
        new Promise((_resolve, reject) => {
          posted.push(id);
          signal.addEventListener('abort', () => {
            aborted.push(true);
            reject(new Error('aborted'));
          });
        }),
    );
    say(message(1));
    say(message(2));
    await settled();
    stop();
    await settled();
    expect(posted).toEqual(['m-1']);
    expect(aborted).toEqual([true]);
    expect(await dropped()).toEqual({});
  });
});
