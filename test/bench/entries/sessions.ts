import { Redis } from 'ioredis';
import { type Bench, type Entry, type Row, row } from '../entry.ts';
import type { HttpTarget, Job, RedisTarget } from '../load/job.ts';
import { type LoadResult, merged, runLoad } from '../load/run.ts';
import { summary } from '../measure.ts';
import { startRedis } from '../redis.ts';
import { createSessions, sampleWrite } from '../session-samples.ts';
import { type SidecarUnderTest, startSidecar } from '../sidecar.ts';

const SESSIONS = 1000;
const CONNECTIONS = 16;
const ROUNDS = 2;
const PACED_PER_SECOND = 1000;
const TTL_SECONDS = 86_400;

export const sessions: Entry = {
  name: 'sessions',
  what: 'session read and write over HTTP, beside raw Redis',
  run: async (bench) => {
    const redis = await startRedis(bench, { replicas: 1 });
    const sidecars = {
      plain: await startSidecar(bench, { podName: 'bench-0', redisPort: redis.port }),
      wait1: await startSidecar(bench, {
        podName: 'bench-1',
        redisPort: redis.port,
        env: { HYPERPAGE_SESSION_REPLICAS: '1' },
      }),
    };
    const ids = await createSessions(sidecars.plain.url, SESSIONS);
    const sections = await readSections(sidecars.plain, ids[0] as string);
    bench.say(`${SESSIONS} sessions of ${JSON.stringify(sections).length} bytes, one replica`);
    await writePeerSessions(redis.port, sections);
    return measure(bench, { redisPort: redis.port, sidecars, ids, sections });
  },
};

interface Scene {
  redisPort: number;
  sidecars: { plain: SidecarUnderTest; wait1: SidecarUnderTest };
  ids: readonly string[];
  /** Fields of a session, each as JSON: what the peer keeps in its hash. */
  sections: Record<string, string>;
}

async function readSections(sidecar: SidecarUnderTest, sessionId: string): Promise<Record<string, string>> {
  const answer = await fetch(`${sidecar.url}/api/sessions?sessionId=${sessionId}`);
  const { session } = (await answer.json()) as { session: Record<string, unknown> };
  return Object.fromEntries(
    Object.entries(session).map(([section, value]) => [section, JSON.stringify(value)]),
  );
}

const peerKey = (user: number) => `bench:peer:${user}`;

async function writePeerSessions(port: number, sections: Record<string, string>): Promise<void> {
  const redis = new Redis({ port, host: '127.0.0.1' });
  const pipeline = redis.pipeline();
  for (let user = 0; user < SESSIONS; user += 1) pipeline.hset(peerKey(user), sections);
  await pipeline.exec();
  redis.disconnect();
}

const readOurs = ({ ids, sidecars }: Scene): HttpTarget => ({
  kind: 'http',
  port: sidecars.plain.port,
  requests: ids.map((id) => ({ method: 'GET', path: `/api/sessions?sessionId=${id}` })),
});

const writeOurs = ({ ids }: Scene, sidecar: SidecarUnderTest): HttpTarget => ({
  kind: 'http',
  port: sidecar.port,
  requests: ids.map((sessionId, turn) => ({
    method: 'POST',
    path: '/api/sessions',
    body: JSON.stringify({ sessionId, updates: sampleWrite(turn) }),
  })),
});

const onPeer = (scene: Scene, commands: (key: string, scene: Scene) => string[][]): RedisTarget => ({
  kind: 'redis',
  port: scene.redisPort,
  pipelines: scene.ids.map((_, user) => commands(peerKey(user), scene)),
});

const readPeer = (key: string) => [['hgetall', key]];
const writePeer = (key: string, { sections }: Scene) => [
  ['hset', key, ...Object.entries(sections).flat()],
  ['expire', key, `${TTL_SECONDS}`],
];
const writePeerWait = (key: string, scene: Scene) => [...writePeer(key, scene), ['wait', '1', '1000']];

async function measure(bench: Bench, scene: Scene): Promise<Row[]> {
  const { plain, wait1 } = scene.sidecars;
  const pairs = {
    read: await pair(bench, 'read', readOurs(scene), onPeer(scene, readPeer), plain.pid),
    write: await pair(bench, 'write', writeOurs(scene, plain), onPeer(scene, writePeer), plain.pid),
    wait1: await pair(
      bench,
      'write, WAIT 1',
      writeOurs(scene, wait1),
      onPeer(scene, writePeerWait),
      wait1.pid,
    ),
  };
  const paced = {
    read: await pacedPair(bench, 'read', readOurs(scene), onPeer(scene, readPeer)),
    wait1: await pacedPair(bench, 'write, WAIT 1', writeOurs(scene, wait1), onPeer(scene, writePeerWait)),
  };
  return [
    latencyRow('read', 'session read', 'p50', pairs.read, { atMost: 1 }),
    latencyRow('write', 'session write', 'p99', pairs.write, { atMost: 10 }),
    latencyRow('write-wait1', 'session write, WAIT 1', 'p99', pairs.wait1, { atMost: 10 }),
    latencyRow('read-paced', `session read at ${PACED_PER_SECOND}/s`, 'p50', paced.read, { atMost: 1 }),
    latencyRow('write-wait1-paced', `session write, WAIT 1, at ${PACED_PER_SECOND}/s`, 'p99', paced.wait1, {
      atMost: 10,
    }),
    rateRow('read-rate', 'session reads a second', pairs.read),
    rateRow('write-rate', 'session writes a second', pairs.write),
    rateRow('write-wait1-rate', 'session writes a second, WAIT 1', pairs.wait1),
    ...cpuRow('read-cpu', 'sidecar CPU a session read', pairs.read),
    ...cpuRow('write-cpu', 'sidecar CPU a session write', pairs.write),
    ...cpuRow('write-wait1-cpu', 'sidecar CPU a session write, WAIT 1', pairs.wait1),
  ];
}

interface Pair {
  ours: LoadResult;
  peer: LoadResult;
}

/** Both sides in turn, round after round, so that a slow spell of the machine meets both. */
async function pair(
  bench: Bench,
  name: string,
  ours: Job['target'],
  peer: Job['target'],
  pid: number,
): Promise<Pair> {
  const job = { connections: CONNECTIONS, warmupMs: 1000, forMs: 2500 };
  const rounds: Pair[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({
      peer: await runLoad(bench, { ...job, target: peer }),
      ours: await runLoad(bench, { ...job, target: ours }, pid),
    });
  }
  const both = { ours: merged(rounds.map(({ ours }) => ours)), peer: merged(rounds.map(({ peer }) => peer)) };
  bench.say(`${name}: ${both.ours.perSecond.toFixed(0)}/s, raw Redis ${both.peer.perSecond.toFixed(0)}/s`);
  return both;
}

async function pacedPair(bench: Bench, name: string, ours: HttpTarget, peer: RedisTarget): Promise<Pair> {
  const job = { connections: CONNECTIONS, warmupMs: 1000, forMs: 4000, perSecond: PACED_PER_SECOND };
  const both = {
    peer: await runLoad(bench, { ...job, target: peer }),
    ours: await runLoad(bench, { ...job, target: ours }),
  };
  bench.say(`${name} at ${PACED_PER_SECOND}/s: p50 ${summary(both.ours.samples).p50.toFixed(2)} ms`);
  return both;
}

function latencyRow(
  id: string,
  what: string,
  compared: 'p50' | 'p99',
  { ours, peer }: Pair,
  goal: { atMost: number },
): Row {
  const { p50, p99 } = summary(ours.samples);
  const peerFigures = summary(peer.samples);
  return row({
    id: `sessions/${id}`,
    what: `${what}, ${CONNECTIONS} connections, ${compared}`,
    unit: 'ms',
    p50,
    p99,
    value: compared === 'p50' ? p50 : p99,
    peer: 'raw Redis, ioredis',
    peerValue: peerFigures[compared],
    ...goal,
  });
}

const rateRow = (id: string, what: string, { ours, peer }: Pair): Row =>
  row({
    id: `sessions/${id}`,
    what: `${what}, ${CONNECTIONS} connections`,
    unit: '1/s',
    value: ours.perSecond,
    peer: 'raw Redis, ioredis',
    peerValue: peer.perSecond,
  });

const cpuRow = (id: string, what: string, { ours }: Pair): Row[] =>
  ours.cpuMicrosPerRequest === undefined
    ? []
    : [row({ id: `sessions/${id}`, what, unit: 'us', value: ours.cpuMicrosPerRequest })];
