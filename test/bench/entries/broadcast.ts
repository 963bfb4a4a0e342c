import { setTimeout as sleep } from 'node:timers/promises';
import type { SendRequest } from '@hyperpage/contract';
import { Redis } from 'ioredis';
import { createDeliveries, type Deliveries } from '../deliveries.ts';
import { type Bench, type Entry, type Row, row } from '../entry.ts';
import { openEventStream } from '../event-stream.ts';
import { drive } from '../load/drive.ts';
import { encodeRequest, openConnection } from '../load/http-connection.ts';
import { summary } from '../measure.ts';
import { cpuMicros } from '../proc.ts';
import { startRedis } from '../redis.ts';
import { type SidecarUnderTest, startSidecar } from '../sidecar.ts';

const PODS = 3;
const CONNECTIONS = 4;
const PER_SECOND = 50;
const FAST_PER_SECOND = 500;
const FOR_MS = 8_000;
const FAST_FOR_MS = 4_000;
const WARM_UP_MS = 1_500;
const COMPLETE_WITHIN_MS = 3_000;
const FILLER = 'x'.repeat(150);
const UNLIMITED = '1000000';

export const broadcast: Entry = {
  name: 'broadcast',
  what: `a message to ${PODS} pods, beside raw Redis pub/sub`,
  run: async (bench) => {
    const redis = await startRedis(bench);
    const sidecars = await Promise.all(
      Array.from({ length: PODS }, (_, index) =>
        startSidecar(bench, {
          podName: `bench-${index}`,
          redisPort: redis.port,
          env: { COORD_NORMAL_PRIORITY_THRESHOLD: UNLIMITED, COORD_HIGH_PRIORITY_THRESHOLD: UNLIMITED },
        }),
      ),
    );
    const ours = await throughSidecars(bench, sidecars);
    const peer = await throughRedis(bench, redis.port);
    // Message by message side by side, so that a slow spell of the machine meets both.
    await both(ours, peer, PER_SECOND, WARM_UP_MS);
    const slow = await both(ours, peer, PER_SECOND, FOR_MS);
    const fast = await both(ours, peer, FAST_PER_SECOND, FAST_FOR_MS);
    const cpu = await cpuPerDelivery(ours, sidecars);
    return [
      ...rows('', PER_SECOND, slow),
      ...rows('-fast', FAST_PER_SECOND, fast),
      row({
        id: 'broadcast/cpu',
        what: `sidecars' CPU a delivery at ${FAST_PER_SECOND}/s, sending included`,
        unit: 'us',
        value: cpu,
      }),
    ];
  },
};

/** A way for messages to reach `PODS` receivers. */
interface Way {
  /** Where the messages sent from now on are counted. */
  count(deliveries: Deliveries): void;
  send(connection: number): Promise<void>;
}

async function throughSidecars(bench: Bench, sidecars: readonly SidecarUnderTest[]): Promise<Way> {
  let counted = newCount();
  for (const [receiver, sidecar] of sidecars.entries()) {
    const stream = await openEventStream(`${sidecar.url}/v1/messages`, (name, data) => {
      if (name !== 'message') return;
      const { payload } = JSON.parse(data) as { payload?: { message?: number } };
      if (payload?.message !== undefined) counted.received(receiver, payload.message);
    });
    bench.defer(() => stream.close());
  }
  const sender = sidecars[0] as SidecarUnderTest;
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => openConnection(sender.port)),
  );
  for (const connection of connections) bench.defer(() => connection.close());
  const post = (message: number) => {
    const request: SendRequest = { type: 'broadcast', payload: { message, filler: FILLER } };
    return encodeRequest(
      { method: 'POST', path: '/v1/messages', body: JSON.stringify(request) },
      '127.0.0.1',
    );
  };
  return {
    count: (deliveries) => {
      counted = deliveries;
    },
    send: async (connection) => {
      const status = await connections[connection]?.send(post(counted.sent()));
      if (status === undefined || status >= 300) throw new Error(`POST /v1/messages: ${status}`);
    },
  };
}

async function throughRedis(bench: Bench, port: number): Promise<Way> {
  let counted = newCount();
  const channel = 'bench:peer';
  const connect = () => {
    const redis = new Redis({ port, host: '127.0.0.1' });
    bench.defer(() => redis.disconnect());
    return redis;
  };
  for (let receiver = 0; receiver < PODS; receiver += 1) {
    const subscriber = connect();
    await subscriber.subscribe(channel);
    subscriber.on('message', (_: string, text: string) => {
      const { payload } = JSON.parse(text) as { payload: { message: number } };
      counted.received(receiver, payload.message);
    });
  }
  const publisher = connect();
  return {
    count: (deliveries) => {
      counted = deliveries;
    },
    send: async () => {
      const message = { type: 'broadcast', payload: { message: counted.sent(), filler: FILLER } };
      await publisher.publish(channel, JSON.stringify(message));
    },
  };
}

const newCount = () => createDeliveries(PODS, () => performance.now());

interface Measured {
  ours: Deliveries;
  peer: Deliveries;
}

async function both(ours: Way, peer: Way, perSecond: number, forMs: number): Promise<Measured> {
  const [our, theirs] = await Promise.all([
    one(ours, perSecond, forMs),
    sleep(500 / perSecond).then(() => one(peer, perSecond, forMs)),
  ]);
  return { ours: our, peer: theirs };
}

/** Sends at a rate, then waits until everything came or is held to be lost. @throws Error when sending failed. */
async function one(way: Way, perSecond: number, forMs: number): Promise<Deliveries> {
  const deliveries = newCount();
  way.count(deliveries);
  const { errors } = await drive({ connections: CONNECTIONS, warmupMs: 0, forMs, perSecond }, (connection) =>
    way.send(connection),
  );
  if (Object.keys(errors).length > 0) throw new Error(`sending failed: ${JSON.stringify(errors)}`);
  const deadline = performance.now() + COMPLETE_WITHIN_MS;
  while (!deliveries.complete() && performance.now() < deadline) await sleep(20);
  return deliveries;
}

async function cpuPerDelivery(ours: Way, sidecars: readonly SidecarUnderTest[]): Promise<number> {
  const used = async () => {
    const each = await Promise.all(sidecars.map(({ pid }) => cpuMicros(pid)));
    return each.reduce((sum, micros) => sum + micros, 0);
  };
  const before = await used();
  const deliveries = await one(ours, FAST_PER_SECOND, FAST_FOR_MS);
  return ((await used()) - before) / deliveries.latencies().length;
}

function rows(suffix: string, perSecond: number, { ours, peer }: Measured): Row[] {
  const { p50, p99, count } = summary(ours.latencies());
  const peerFigures = summary(peer.latencies());
  const what = `broadcast to ${PODS} sidecars, ${perSecond}/s, POST to SSE`;
  const figures = { unit: 'ms', p50, p99, peer: 'raw PUBLISH' };
  return [
    row({
      ...figures,
      id: `broadcast/p50${suffix}`,
      what: `${what}, p50`,
      value: p50,
      peerValue: peerFigures.p50,
      ratioAtMost: 2,
    }),
    row({
      ...figures,
      id: `broadcast/p99${suffix}`,
      what: `${what}, p99`,
      value: p99,
      peerValue: peerFigures.p99,
      ratioAtMost: 3,
    }),
    row({
      id: `broadcast/lost${suffix}`,
      what: `of ${count} deliveries at ${perSecond}/s, lost or doubled`,
      unit: 'messages',
      value: ours.lost() + ours.doubled(),
      peer: 'raw PUBLISH',
      peerValue: peer.lost() + peer.doubled(),
      atMost: 0,
    }),
  ];
}
