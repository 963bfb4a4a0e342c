import { type Bench, type Entry, type Figures, type Row, row } from '../entry.ts';
import type { Job } from '../load/job.ts';
import { type LoadResult, merged, runLoad } from '../load/run.ts';
import { summary } from '../measure.ts';
import { startDaprd } from '../peers/daprd.ts';
import { startRedis } from '../redis.ts';
import {
  readDaprd,
  readOurs,
  readRedis,
  type SessionSet,
  writeDaprd,
  writeOurs,
  writeRedis,
  writeRedisWait,
} from '../session-requests.ts';
import { createSessions } from '../session-samples.ts';
import { type SidecarUnderTest, startSidecar } from '../sidecar.ts';

const SESSIONS = 1000;
const CONNECTIONS = 16;
const ROUNDS = 2;
const PACED_PER_SECOND = 1000;
const FULL_LOAD = { connections: CONNECTIONS, warmupMs: 1000, forMs: 2500 };
const PACED_LOAD = { connections: CONNECTIONS, warmupMs: 1000, forMs: 4000, perSecond: PACED_PER_SECOND };
const RAW_REDIS = 'raw Redis, ioredis';

export const sessions: Entry = {
  name: 'sessions',
  what: 'session read and write over HTTP, beside raw Redis (and daprd, where it is on PATH)',
  limitMs: 300_000,
  run: async (bench) => {
    const { port } = await startRedis(bench, { replicas: 1 });
    const plain = await startSidecar(bench, { podName: 'bench-0', redisPort: port });
    const wait1 = await startSidecar(bench, {
      podName: 'bench-1',
      redisPort: port,
      env: { HYPERPAGE_SESSION_REPLICAS: '1' },
    });
    const daprd = await startDaprd(bench, port);
    const set = await fill(plain);
    bench.say(`${SESSIONS} sessions of ${JSON.stringify(set.sections).length} bytes, Redis with one replica`);
    // Each peer's writes come before its reads: they make what is read.
    const write = await sideBySide(bench, 'write', FULL_LOAD, {
      ours: [writeOurs(set, plain), plain.pid],
      redis: [writeRedis(set, port)],
      daprd: daprd && [writeDaprd(set, daprd), daprd.pid],
    });
    const read = await sideBySide(bench, 'read', FULL_LOAD, {
      ours: [readOurs(set, plain), plain.pid],
      redis: [readRedis(set, port)],
      daprd: daprd && [readDaprd(set, daprd), daprd.pid],
    });
    const writeWait1 = await sideBySide(bench, 'write, WAIT 1', FULL_LOAD, {
      ours: [writeOurs(set, wait1), wait1.pid],
      redis: [writeRedisWait(set, port)],
    });
    const paced = await measurePaced(bench, { set, port, plain, wait1 });
    return [
      ...latencyRows({ read, write, writeWait1 }),
      ...pacedRows(paced),
      ...costRows({ read, write, writeWait1 }),
    ];
  },
};

async function fill(sidecar: SidecarUnderTest): Promise<SessionSet> {
  const ids = await createSessions(sidecar.url, SESSIONS);
  const answer = await fetch(`${sidecar.url}/api/sessions?sessionId=${ids[0]}`);
  const { session } = (await answer.json()) as { session: Record<string, unknown> };
  const sections = Object.entries(session).map(([section, value]) => [section, JSON.stringify(value)]);
  return { ids, sections: Object.fromEntries(sections) as Record<string, string> };
}

/** What a contender is sent, and its process when its CPU is to be counted. */
type Contender = readonly [target: Job['target'], pid?: number];

interface Results {
  ours: LoadResult;
  redis: LoadResult;
  daprd?: LoadResult;
}

/** All sides in turn, round after round, so that a slow spell of the machine meets all. */
async function sideBySide(
  bench: Bench,
  name: string,
  load: Omit<Job, 'target'>,
  contenders: { ours: Contender; redis: Contender; daprd?: Contender | undefined },
): Promise<Results> {
  const rounds: Record<keyof Results, LoadResult[]> = { ours: [], redis: [], daprd: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const side of ['redis', 'daprd', 'ours'] as const) {
      const [target, pid] = contenders[side] ?? [];
      if (target !== undefined) rounds[side].push(await runLoad(bench, { ...load, target }, pid));
    }
  }
  const results = {
    ours: merged(rounds.ours),
    redis: merged(rounds.redis),
    ...(rounds.daprd.length > 0 && { daprd: merged(rounds.daprd) }),
  };
  const said = Object.entries(results).map(([side, { perSecond }]) => `${side} ${perSecond.toFixed(0)}/s`);
  bench.say(`${name}: ${said.join(', ')}`);
  return results;
}

interface Paced {
  read: Results;
  writeWait1: Results;
}

const measurePaced = async (
  bench: Bench,
  {
    set,
    port,
    plain,
    wait1,
  }: { set: SessionSet; port: number; plain: SidecarUnderTest; wait1: SidecarUnderTest },
): Promise<Paced> => ({
  read: await sideBySide(bench, `read at ${PACED_PER_SECOND}/s`, PACED_LOAD, {
    ours: [readOurs(set, plain)],
    redis: [readRedis(set, port)],
  }),
  writeWait1: await sideBySide(bench, `write, WAIT 1, at ${PACED_PER_SECOND}/s`, PACED_LOAD, {
    ours: [writeOurs(set, wait1)],
    redis: [writeRedisWait(set, port)],
  }),
});

interface FullLoad {
  read: Results;
  write: Results;
  writeWait1: Results;
}

const latencyRows = ({ read, write, writeWait1 }: FullLoad): Row[] => [
  latency('read', 'session read, full load', 'p50', read, { atMost: 1 }),
  latency('write', 'session write, full load', 'p99', write, { atMost: 10 }),
  latency('write-wait1', 'session write, WAIT 1, full load', 'p99', writeWait1, { atMost: 10 }),
  ...(read.daprd
    ? [
        latency(
          'read-p99',
          'session read, full load',
          'p99',
          { ...read, daprd: read.daprd },
          { ratioAtMost: 1 },
          'daprd',
        ),
      ]
    : []),
];

const pacedRows = ({ read, writeWait1 }: Paced): Row[] => [
  latency('read-paced', `session read at ${PACED_PER_SECOND}/s`, 'p50', read, { atMost: 1 }),
  latency('write-wait1-paced', `session write, WAIT 1, at ${PACED_PER_SECOND}/s`, 'p99', writeWait1, {
    atMost: 10,
  }),
];

const costRows = ({ read, write, writeWait1 }: FullLoad): Row[] => [
  rate('read-rate', 'session reads a second', read),
  rate('write-rate', 'session writes a second', write),
  rate('write-wait1-rate', 'session writes a second, WAIT 1', writeWait1),
  cpu('read-cpu', 'sidecar CPU a session read', read, { ratioAtMost: 0.5 }),
  cpu('write-cpu', 'sidecar CPU a session write', write),
  cpu('write-wait1-cpu', 'sidecar CPU a session write, WAIT 1', writeWait1),
];

function latency(
  id: string,
  what: string,
  compared: 'p50' | 'p99',
  results: Results,
  goal: Pick<Figures, 'atMost' | 'ratioAtMost'>,
  peer: 'redis' | 'daprd' = 'redis',
): Row {
  const { p50, p99 } = summary(results.ours.samples);
  const peerSamples = results[peer]?.samples;
  return row({
    id: `sessions/${id}`,
    what: `${what}, ${CONNECTIONS} connections, ${compared}`,
    unit: 'ms',
    p50,
    p99,
    value: compared === 'p50' ? p50 : p99,
    peer: peer === 'redis' ? RAW_REDIS : 'daprd',
    peerValue: peerSamples && summary(peerSamples)[compared],
    ...goal,
  });
}

const rate = (id: string, what: string, { ours, redis }: Results): Row =>
  row({
    id: `sessions/${id}`,
    what,
    unit: '1/s',
    value: ours.perSecond,
    peer: RAW_REDIS,
    peerValue: redis.perSecond,
  });

/** Beside daprd where there is one: raw Redis has no sidecar. */
const cpu = (id: string, what: string, { ours, daprd }: Results, goal: { ratioAtMost?: number } = {}): Row =>
  row({
    id: `sessions/${id}`,
    what,
    unit: 'us',
    value: ours.cpuMicrosPerRequest ?? Number.NaN,
    ...(daprd && { peer: 'daprd', peerValue: daprd.cpuMicrosPerRequest, ...goal }),
  });
