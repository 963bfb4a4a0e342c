import { MAX_PAYLOAD_BYTES } from '@hyperpage/contract';
import type { Bus, BusEvent } from '../../sidecar/src/bus/index.ts';
import type { AdapterWorld, OpenPod } from './adapter-world.ts';
import { eventually } from './eventually.ts';

/** Everything a subscriber got, and the parts that tests look at. */
export function record(bus: Bus, from?: string) {
  const events: BusEvent[] = [];
  const subscription = bus.subscribe((event) => events.push(event), from === undefined ? {} : { from });
  const messages = () => events.flatMap((event) => (event.kind === 'message' ? [event.message] : []));
  return {
    events,
    subscription,
    messages,
    payloads: () => messages().map(({ payload }) => payload),
    gaps: () => events.flatMap((event) => (event.kind === 'gap' ? [event.reason] : [])),
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
const metric = async ({ registry }: OpenPod, name: string) => {
  const values = (await registry.getSingleMetric(name)?.get())?.values ?? [];
  return values.reduce((sum, { value }) => sum + value, 0);
};

/** What every adapter of the bus promises. */
export function busSuite(name: string, start: () => Promise<AdapterWorld>): void {
  describe(`the bus on ${name}`, () => {
    let world: AdapterWorld;
    beforeAll(async () => {
      world = await start();
    });
    afterEach(() => world.closePods());
    afterAll(() => world.stop());

    test('a broadcast reaches every pod, the sender among them, as it was sent', async () => {
      const [a, b] = [await world.open('pod-a'), await world.open('pod-b')];
      const received = [record(a.bus), record(b.bus)];
      const payload = { keys: ['user:123:settings'], empty: [], nothing: null, text: 'Grüße, 世界 \u0000' };
      const sent = await a.bus.send({ type: 'cache_invalidate', payload, priority: 'high' });
      expect(sent.kind).toBe('sent');
      for (const { messages } of received) {
        await eventually('it arrives', () => messages().length === 1);
        expect(messages()[0]).toEqual({
          id: sent.kind === 'sent' ? sent.id : '',
          type: 'cache_invalidate',
          payload,
          timestamp: expect.any(Number),
          sourcePod: 'pod-a',
          priority: 'high',
        });
      }
    });

    test('what is said under a term that a higher one has followed is refused, and nobody hears it', async () => {
      const [a, b] = [await world.open('pod-a'), await world.open('pod-b')];
      const { payloads } = record(b.bus);
      const send = (pod: OpenPod, payload: string, term: number) =>
        pod.bus.send({ type: 'broadcast', payload, term });
      expect(await send(a, 'first', 1_000_004)).toMatchObject({ kind: 'sent' });
      expect(await send(b, 'next leader', 1_000_005)).toMatchObject({ kind: 'sent' });
      expect(await send(a, 'late', 1_000_004)).toEqual({ kind: 'term-overtaken', highest: 1_000_005 });
      expect(await send(b, 'goes on', 1_000_005)).toMatchObject({ kind: 'sent' });
      await eventually('the last arrives', () => payloads().length === 3);
      expect(payloads()).toEqual(['first', 'next leader', 'goes on']);
      expect(await b.termFloor.read()).toBe(1_000_005);
    });

    test('a direct message reaches its pod and no other', async () => {
      const [a, b, c] = [await world.open('pod-a'), await world.open('pod-b'), await world.open('pod-c')];
      const [atA, atB, atC] = [record(a.bus), record(b.bus), record(c.bus)];
      await a.bus.send({ type: 'job_coordination', payload: 'direct', to: 'pod-b' });
      await a.bus.send({ type: 'broadcast', payload: 'to all' });
      for (const at of [atA, atB, atC])
        await eventually('the broadcast arrives', () => at.payloads().includes('to all'));
      expect(atB.messages().find(({ payload }) => payload === 'direct')).toMatchObject({
        to: 'pod-b',
        priority: 'normal',
      });
      expect([...atA.payloads(), ...atC.payloads()]).toEqual(['to all', 'to all']);
    });

    test('messages of one sender arrive in the order in which they were sent', async () => {
      const [a, b] = [await world.open('pod-a'), await world.open('pod-b')];
      const atB = record(b.bus);
      await Promise.all(numbers(300).map((payload) => a.bus.send({ type: 'broadcast', payload })));
      await eventually('all arrive', () => atB.messages().length >= 300);
      expect(atB.payloads()).toEqual(numbers(300));
      expect(await metric(a, 'hyperpage_bus_sent_total')).toBe(300);
      expect(await metric(b, 'hyperpage_bus_received_total')).toBe(300);
    });

    test('news of the leadership travel on their own channel, and an app cannot forge them', async () => {
      const [a, b] = [await world.open('pod-a'), await world.open('pod-b')];
      const atB = record(b.bus);
      await expect(a.bus.send({ type: 'election', payload: { newLeader: 'pod-x' } })).rejects.toThrow(
        RangeError,
      );
      await a.bus.announceElection({ newLeader: 'pod-a' });
      await eventually('it arrives', () => atB.messages().length === 1);
      expect(atB.messages()[0]).toMatchObject({ type: 'election', payload: { newLeader: 'pod-a' } });
    });

    test('a subscriber resumes from its cursor: what it missed, in order and once, and then what comes', async () => {
      const [a, b] = [await world.open('pod-a'), await world.open('pod-b')];
      const before = record(b.bus);
      const send = (payload: number, to?: string) =>
        a.bus.send({ type: 'broadcast', payload, ...(to === undefined ? {} : { to }) });
      await send(0);
      await eventually('the first arrives', () => before.messages().length === 1);
      before.subscription.close();
      for (const n of [1, 2, 3]) await send(n);
      await send(4, 'pod-b');
      const after = record(b.bus, before.subscription.cursor());
      await send(5);
      await eventually('all arrive', () => after.messages().length >= 5);
      await send(6);
      await eventually('the live one arrives', () => after.payloads().includes(6));
      expect(before.payloads()).toEqual([0]);
      expect(after.payloads().filter((payload) => payload !== 4)).toEqual([1, 2, 3, 5, 6]);
      expect(after.payloads().filter((payload) => payload === 4)).toHaveLength(1);
      expect(after.gaps()).toEqual([]);
    });

    test('a cursor outlives the process that gave it', async () => {
      const a = await world.open('pod-a');
      const first = await world.open('pod-b');
      const cursor = record(first.bus).subscription.cursor();
      await first.close();
      await a.bus.send({ type: 'broadcast', payload: 'while away' });
      const again = record((await world.open('pod-b')).bus, cursor);
      await eventually('it is replayed', () => again.payloads().includes('while away'));
    });

    test('a text that is no cursor gives a gap, and then what comes', async () => {
      const a = await world.open('pod-a');
      const at = record(a.bus, 'no cursor at all');
      await a.bus.send({ type: 'broadcast', payload: 1 });
      await eventually('it arrives', () => at.payloads().includes(1));
      expect(at.events[0]).toMatchObject({ kind: 'gap', reason: 'reset' });
      expect(at.gaps()).toEqual(['reset']);
    });

    test('a cursor from before what is kept gives a gap, and then what is kept', async () => {
      const a = await world.open('pod-a');
      const early = record(a.bus);
      await a.bus.announceElection('first');
      await eventually('it arrives', () => early.messages().length === 1);
      const cursor = early.subscription.cursor();
      for (const n of numbers(200)) await a.bus.announceElection(n);
      const late = record(a.bus, cursor);
      await eventually('it catches up', () => late.payloads().includes(199));
      expect(late.gaps()).toEqual(['trimmed']);
      expect(late.payloads()).toEqual(numbers(200).slice(-late.messages().length));
      expect(early.payloads()).toEqual(['first', ...numbers(200)]);
    });

    test('a sender over its threshold is told when to come back; low priority shares the threshold of normal', async () => {
      const a = await world.open('pod-a', {
        COORD_HIGH_PRIORITY_THRESHOLD: '2',
        COORD_NORMAL_PRIORITY_THRESHOLD: '3',
      });
      const send = async (priority: 'low' | 'normal' | 'high') =>
        (await a.bus.send({ type: 'broadcast', payload: 1, priority })).kind;
      expect([await send('normal'), await send('low'), await send('low')]).toEqual(['sent', 'sent', 'sent']);
      expect([await send('low'), await send('normal')]).toEqual(['rate-limited', 'rate-limited']);
      expect([await send('high'), await send('high'), await send('high')]).toEqual([
        'sent',
        'sent',
        'rate-limited',
      ]);
      const refused = await a.bus.send({ type: 'broadcast', payload: 1 });
      expect(refused).toMatchObject({ kind: 'rate-limited' });
      expect(
        refused.kind === 'rate-limited' && refused.retryAfterMs > 0 && refused.retryAfterMs <= 20_000,
      ).toBe(true);
    });

    test('a payload over the limit is refused, and one at the limit arrives', async () => {
      const a = await world.open('pod-a');
      const at = record(a.bus);
      const most = 'x'.repeat(MAX_PAYLOAD_BYTES - 2);
      expect(await a.bus.send({ type: 'broadcast', payload: `${most}x` })).toEqual({
        kind: 'too-large',
        bytes: MAX_PAYLOAD_BYTES + 1,
        limitBytes: MAX_PAYLOAD_BYTES,
      });
      await a.bus.send({ type: 'broadcast', payload: most });
      await eventually('it arrives', () => at.messages().length === 1);
      expect(at.payloads()).toEqual([most]);
    });

    test('while the store is gone sending says so; once it is back all goes on, without a gap', async () => {
      const [a, b] = [await world.open('pod-a'), await world.open('pod-b')];
      const atB = record(b.bus);
      const accepted: number[] = [];
      const send = async (payload: number) => {
        const outcome = await a.bus.send({ type: 'broadcast', payload });
        if (outcome.kind === 'sent') accepted.push(payload);
        return outcome.kind;
      };
      for (const n of numbers(20)) await send(n);
      await world.cut();
      await eventually('sending is refused', async () => (await send(100)) === 'unavailable');
      await world.heal();
      await eventually('sending works again', async () => (await send(200)) === 'sent');
      for (const n of numbers(20)) await send(300 + n);
      await eventually('all arrive', () => atB.payloads().includes(319));
      expect(atB.payloads()).toEqual(accepted);
      expect(atB.gaps()).toEqual([]);
    });

    test('when the store lost its log a gap is declared, and all goes on', async () => {
      const [a, b] = [await world.open('pod-a'), await world.open('pod-b')];
      const atB = record(b.bus);
      await a.bus.send({ type: 'broadcast', payload: 1 });
      await eventually('it arrives', () => atB.payloads().includes(1));
      await world.forget();
      await a.bus.send({ type: 'broadcast', payload: 2 });
      await eventually('the next one arrives', () => atB.payloads().includes(2));
      expect(atB.payloads()).toEqual([1, 2]);
      expect(atB.gaps()).toEqual(['reset']);
    });
  });
}
