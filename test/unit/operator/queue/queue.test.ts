import { silentLogger } from '@hyperpage/runtime';
import {
  createWorkQueue,
  type Outcome,
  type WorkQueue,
  type WorkQueueOptions,
} from '../../../../operator/src/queue/index.ts';
import { settled, VirtualClock } from '../../../support/virtual-clock.ts';

const SETTLED: Outcome = { kind: 'settled' };

/** Work whose turns end when the test says so. */
class Turns {
  readonly started: string[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #open = new Map<string, PromiseWithResolvers<Outcome>>();

  readonly work = (key: string, signal: AbortSignal): Promise<Outcome> => {
    if (this.#open.has(key)) throw new Error(`${key} is in two turns at once`);
    this.started.push(key);
    this.signals.push(signal);
    const turn = Promise.withResolvers<Outcome>();
    this.#open.set(key, turn);
    return turn.promise.finally(() => this.#open.delete(key));
  };
  async end(key: string, outcome: Outcome | Error = SETTLED): Promise<void> {
    const turn = this.#open.get(key);
    if (!turn) throw new Error(`${key} is in no turn`);
    if (outcome instanceof Error) turn.reject(outcome);
    else turn.resolve(outcome);
    await settled();
  }
}

describe('work queue', () => {
  let clock: VirtualClock;
  let turns: Turns;
  let queue: WorkQueue;
  const create = (options: Partial<WorkQueueOptions> = {}) =>
    createWorkQueue({ work: turns.work, clock, random: () => 1, log: silentLogger, workers: 1, ...options });

  beforeEach(() => {
    clock = new VirtualClock();
    turns = new Turns();
    queue = create();
  });

  test('keys get their turns in the order in which they were added', async () => {
    for (const key of ['a', 'b', 'c']) queue.add(key);
    for (const key of ['a', 'b', 'c']) await turns.end(key);
    expect(turns.started).toEqual(['a', 'b', 'c']);
  });

  test('a key that is added many times before its turn gets one turn', async () => {
    queue.add('busy');
    for (let i = 0; i < 100; i++) queue.add('a');
    expect(queue.depth).toBe(1);
    await turns.end('busy');
    await turns.end('a');
    expect(turns.started).toEqual(['busy', 'a']);
  });

  test('a key that is added during its turn gets one more turn, after it', async () => {
    queue = create({ workers: 5 });
    queue.add('a');
    queue.add('a');
    queue.add('a');
    expect(turns.started).toEqual(['a']);
    expect(queue.depth).toBe(1);
    await turns.end('a');
    expect(turns.started).toEqual(['a', 'a']);
    await turns.end('a');
    expect(queue.depth).toBe(0);
    expect(turns.started).toHaveLength(2);
  });

  test('as many turns run at once as there are workers', async () => {
    queue = create({ workers: 2 });
    for (const key of ['a', 'b', 'c']) queue.add(key);
    expect(turns.started).toEqual(['a', 'b']);
    await turns.end('b');
    expect(turns.started).toEqual(['a', 'b', 'c']);
  });

  test('a key that keeps adding itself does not starve the others', async () => {
    queue.add('a');
    queue.add('b');
    queue.add('a');
    await turns.end('a');
    await turns.end('b');
    await turns.end('a');
    expect(turns.started).toEqual(['a', 'b', 'a']);
  });

  test('of several delays of a key the earliest counts, and makes one turn', async () => {
    queue.addAfter('a', 500);
    queue.addAfter('a', 100);
    queue.addAfter('a', 900);
    await clock.advance(99);
    expect(turns.started).toEqual([]);
    await clock.advance(1);
    expect(turns.started).toEqual(['a']);
    await turns.end('a');
    await clock.advance(10_000);
    expect(turns.started).toEqual(['a']);
  });

  test('a delayed key is not forgotten when it gets a turn earlier', async () => {
    queue.addAfter('a', 500);
    queue.add('a');
    await turns.end('a');
    await clock.advance(500);
    expect(turns.started).toEqual(['a', 'a']);
  });

  test('a turn that asks to be requeued is, after the time it named', async () => {
    queue.add('a');
    await turns.end('a', { kind: 'requeue', afterMs: 30_000 });
    await clock.advance(29_999);
    expect(turns.started).toHaveLength(1);
    await clock.advance(1);
    expect(turns.started).toHaveLength(2);
  });

  test('delays between failures of a key grow up to their bound, and a success starts them anew', async () => {
    queue = create({ backoff: { baseMs: 100, maxMs: 1000 } });
    queue.add('a');
    for (const delayMs of [100, 200, 400, 800, 1000, 1000]) {
      await turns.end('a', new Error('refused'));
      expect(clock.nextInMs).toBe(delayMs);
      await clock.advance(delayMs);
    }
    await turns.end('a');
    queue.add('a');
    await turns.end('a', new Error('refused'));
    expect(clock.nextInMs).toBe(100);
  });

  test('half of a delay is random, so that those who failed together do not come back together', async () => {
    queue = create({ backoff: { baseMs: 100, maxMs: 1000 }, random: () => 0 });
    queue.add('a');
    await turns.end('a', new Error('refused'));
    expect(clock.nextInMs).toBe(50);
  });

  test('failures of one key do not slow another', async () => {
    queue = create({ backoff: { baseMs: 100, maxMs: 1000 } });
    queue.add('a');
    await turns.end('a', new Error('refused'));
    await clock.advance(100);
    await turns.end('a', new Error('refused'));
    queue.add('b');
    await turns.end('b', new Error('refused'));
    await clock.advance(100);
    expect(turns.started).toEqual(['a', 'a', 'b', 'b']);
  });

  test('an error that names a time to wait is not retried before it', async () => {
    queue.add('a');
    await turns.end('a', Object.assign(new Error('throttled'), { retryAfterMs: 7000 }));
    expect(clock.nextInMs).toBe(7000);
  });

  test('an add gets its turn at once, also while the key waits out a failure', async () => {
    queue.add('a');
    await turns.end('a', new Error('refused'));
    queue.add('a');
    expect(turns.started).toEqual(['a', 'a']);
  });

  test('work that throws before its first await fails like any other', async () => {
    queue = create({
      work: () => {
        throw new Error('at once');
      },
    });
    queue.add('a');
    await settled();
    expect(clock.nextInMs).toBe(500);
  });

  test('stop waits for the turns under way, starts no other and leaves no timer', async () => {
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 100);
    queue.add('a');
    let stopped = false;
    const stopping = queue.stop().then(() => (stopped = true));
    await clock.advance(1000);
    expect(stopped).toBe(false);
    await turns.end('a', { kind: 'requeue', afterMs: 10 });
    await stopping;
    queue.add('d');
    queue.addAfter('d', 10);
    await clock.advance(1000);
    expect(turns.started).toEqual(['a']);
    expect(turns.signals[0]?.aborted).toBe(false);
    expect(clock.pending).toBe(0);
  });

  test('stop aborts the turns under way once its grace is over', async () => {
    queue.add('a');
    const stopping = queue.stop({ graceMs: 5000 });
    await clock.advance(4999);
    expect(turns.signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(turns.signals[0]?.aborted).toBe(true);
    await turns.end('a', new Error('aborted'));
    await stopping;
    expect(clock.pending).toBe(0);
  });

  test('idle resolves when no key waits or is worked on', async () => {
    await queue.idle();
    queue.add('a');
    queue.add('b');
    let isIdle = false;
    const idle = queue.idle().then(() => (isIdle = true));
    await turns.end('a');
    expect(isIdle).toBe(false);
    await turns.end('b');
    await idle;
  });

  test('the observer sees adds, waits and results; depth and longest turn can be read', async () => {
    const seen: string[] = [];
    queue = create({
      observer: {
        added: () => seen.push('added'),
        started: (waitedMs) => seen.push(`started after ${waitedMs}`),
        finished: (durationMs, result) => seen.push(`${result} after ${durationMs}`),
      },
    });
    queue.add('a');
    queue.add('b');
    await clock.advance(40);
    expect(queue.longestRunningMs()).toBe(40);
    expect(queue.depth).toBe(1);
    await turns.end('a');
    await clock.advance(2);
    await turns.end('b', new Error('refused'));
    expect(queue.longestRunningMs()).toBe(0);
    expect(seen).toEqual([
      'added',
      'started after 0',
      'added',
      'settled after 40',
      'started after 40',
      'failed after 2',
    ]);
  });
});
