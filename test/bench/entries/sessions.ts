import { type Contender, contest, type Load, standingRow, underLoad } from '../contest.ts';
import type { Bench, Entry } from '../entry.ts';
import { type Daprd, daprdProgram, startDaprd } from '../peers/daprd.ts';
import { startExpressSession } from '../peers/express-session.ts';
import { redisBenchmark } from '../peers/redis-benchmark.ts';
import { type RedisUnderTest, startRedis } from '../redis.ts';
import { SIDES, sessionGoals } from '../session-goals.ts';
import {
  expressTargets,
  readDaprd,
  readOurs,
  type SessionSet,
  writeDaprd,
  writeOurs,
  writeRedis,
} from '../session-requests.ts';
import { createSessions } from '../session-samples.ts';
import { type SidecarUnderTest, startSidecar } from '../sidecar.ts';
import type { Standing } from '../standing.ts';

const SESSIONS = 1000;
const CONNECTIONS = 16;
const PER_SECOND = 1000;
/** All reads of the near cache are then hits. */
const LONGEST_NEAR_CACHE_MS = 60_000;
/** V8 compiles while it runs. */
const WARM_UP_MS = 2000;
const full = { connections: CONNECTIONS, warmupMs: WARM_UP_MS, forMs: 2000 };
const paced = { ...full, perSecond: PER_SECOND };
const LOADS = {
  write: { name: 'write', what: `session write, full load, ${CONNECTIONS} connections`, ...full },
  read: { name: 'read', what: `session read, full load, ${CONNECTIONS} connections`, ...full },
  writePaced: { name: 'write-paced', what: `session write at ${PER_SECOND}/s`, ...paced },
  readPaced: { name: 'read-paced', what: `session read at ${PER_SECOND}/s`, ...paced },
} satisfies Record<string, Load>;

export const sessions: Entry = {
  name: 'sessions',
  what: 'session read and write beside daprd, express-session with connect-redis, and redis-benchmark',
  limitMs: 480_000,
  prepare: async (say) => void (await daprdProgram(say)),
  run: async (bench) => {
    const { writers, readers, pacedWriters, pacedReaders } = await contenders(bench);
    const standings: Standing[] = [];
    const rows = [];
    for (const [load, those] of [
      // Writes come before reads: they make what daprd and redis-benchmark read.
      [LOADS.write, writers],
      [LOADS.read, readers],
      [LOADS.writePaced, pacedWriters],
      [LOADS.readPaced, pacedReaders],
    ] as const) {
      const results = await contest(bench, load, those);
      standings.push(...results);
      rows.push(...results.map((standing) => standingRow('sessions', load, standing)));
    }
    return [...rows, ...sessionGoals(standings)];
  },
};

type Contenders = Record<'writers' | 'readers' | 'pacedWriters' | 'pacedReaders', Contender[]>;

/** All on one Redis with one replica. A peer that cannot be had is left out, after a word. */
async function contenders(bench: Bench): Promise<Contenders> {
  const redis = await startRedis(bench, { replicas: 1 });
  const start = (podName: string, { replicas = 1, nearCacheMs = 0 }) =>
    startSidecar(bench, {
      podName,
      redisPort: redis.port,
      env: {
        HYPERPAGE_SESSION_REPLICAS: `${replicas}`,
        HYPERPAGE_SESSION_NEAR_CACHE_MS: `${nearCacheMs}`,
      },
    });
  const sidecar = await start('bench-0', {});
  const unconfirmed = await start('bench-1', { replicas: 0 });
  const near = await start('bench-2', { nearCacheMs: LONGEST_NEAR_CACHE_MS });
  const set = await fill(sidecar);
  const bytes = Buffer.byteLength(JSON.stringify(set.session));
  bench.say(`${SESSIONS} sessions of ${bytes} bytes, Redis with one replica`);

  const ours = {
    read: underLoad(bench, SIDES.sidecar, sidecar.pid, readOurs(set, sidecar)),
    near: underLoad(bench, SIDES.near, near.pid, readOurs(set, near)),
    write: underLoad(bench, SIDES.sidecar, sidecar.pid, writeOurs(set, sidecar)),
    unconfirmed: underLoad(bench, SIDES.unconfirmed, unconfirmed.pid, writeOurs(set, unconfirmed)),
  };
  const express = await expressContenders(bench, redis, set);
  const daprd = daprdContenders(bench, set, await startDaprd(bench, redis.port));
  const plain = { keys: SESSIONS, bytes };
  const raw = {
    SET: await redisBenchmark(bench, redis, { command: 'SET', ...plain }),
    GET: await redisBenchmark(bench, redis, { command: 'GET', ...plain }),
    wait: underLoad(bench, SIDES.rawWait, redis.pid, writeRedis(set, redis.port)),
  };
  return {
    writers: present([
      ours.write,
      daprd?.strong,
      raw.wait,
      ours.unconfirmed,
      daprd?.write,
      express?.write,
      raw.SET,
    ]),
    readers: present([ours.read, ours.near, daprd?.read, express?.read, raw.GET]),
    pacedWriters: present([ours.write, daprd?.strong, raw.wait, express?.write]),
    pacedReaders: present([ours.read, ours.near, daprd?.read, express?.read]),
  };
}

const present = (list: ReadonlyArray<Contender | undefined>): Contender[] =>
  list.filter((contender) => contender !== undefined);

async function fill(sidecar: SidecarUnderTest): Promise<SessionSet> {
  const ids = await createSessions(sidecar.port, SESSIONS);
  const answer = await fetch(`${sidecar.url}/api/sessions?sessionId=${ids[0]}`);
  const { session } = (await answer.json()) as { session: Record<string, unknown> };
  return { ids, session };
}

async function expressContenders(bench: Bench, redis: RedisUnderTest, set: SessionSet) {
  const app = await startExpressSession(bench, redis.port);
  if (app === undefined) return undefined;
  const { read, write } = await expressTargets(set, app);
  return {
    read: underLoad(bench, SIDES.express, app.pid, read),
    write: underLoad(bench, SIDES.express, app.pid, write),
  };
}

function daprdContenders(bench: Bench, set: SessionSet, daprd: Daprd | undefined) {
  if (daprd === undefined) return undefined;
  const { pid } = daprd;
  return {
    read: underLoad(bench, SIDES.daprd, pid, readDaprd(set, daprd)),
    write: underLoad(bench, SIDES.daprd, pid, writeDaprd(set, daprd, 'eventual')),
    strong: underLoad(bench, SIDES.daprdStrong, pid, writeDaprd(set, daprd, 'strong')),
  };
}
