import { Redis } from 'ioredis';
import { contest, type Load, standingRow, underLoad } from '../contest.ts';
import { type Bench, type Entry, type Row, row } from '../entry.ts';
import { type RedisUnderTest, startRedis } from '../redis.ts';
import { readOurs } from '../session-requests.ts';
import { createSessions, sampleUpdates, specExample } from '../session-samples.ts';
import { type SidecarUnderTest, startSidecar } from '../sidecar.ts';
import type { Standing } from '../standing.ts';

const FEW = 1000;
const MANY = 100_000;
const LIMIT_BYTES = 1024;
const PIPELINE = 1000;
const PER_SECOND = 1000;
const READ: Load = {
  name: 'read',
  what: `session read at ${PER_SECOND}/s, by live sessions`,
  connections: 16,
  warmupMs: 500,
  forMs: 3000,
  perSecond: PER_SECOND,
};

export const sessionsMemory: Entry = {
  name: 'sessions-memory',
  what: `what ${MANY} sessions take in Redis, and whether reads stay as fast as with ${FEW}`,
  limitMs: 300_000,
  run: async (bench) => {
    const examples = await filled(bench, await place(bench, 'bench-examples'), MANY, () => specExample);
    const few = await place(bench, 'bench-few');
    const many = await place(bench, 'bench-many');
    const fewFull = await filled(bench, few, FEW, sampleUpdates);
    const manyFull = await filled(bench, many, MANY, sampleUpdates);
    const standings = await contest(bench, READ, [
      underLoad(bench, `${FEW} live sessions`, few.sidecar.pid, readOurs(fewFull, few.sidecar)),
      underLoad(bench, `${MANY} live sessions`, many.sidecar.pid, readOurs(manyFull, many.sidecar)),
    ]);
    return [
      ...standings.map((standing) => standingRow('sessions-memory', READ, standing)),
      ...memoryRows('spec', "the spec's example session", examples.memory),
      ...memoryRows('full', 'a session of 800 bytes', manyFull.memory),
      ...flatRows(standings),
    ];
  },
};

interface Place {
  redis: RedisUnderTest;
  sidecar: SidecarUnderTest;
}

async function place(bench: Bench, podName: string): Promise<Place> {
  const redis = await startRedis(bench);
  // Few sessions would be read from the near cache, many would not.
  const env = { HYPERPAGE_SESSION_NEAR_CACHE_MS: '0' };
  return { redis, sidecar: await startSidecar(bench, { podName, redisPort: redis.port, env }) };
}

interface SessionMemory {
  count: number;
  meanBytes: number;
  maxBytes: number;
  /** What Redis grew by for each, its index and expiry included. */
  grownBytes: number;
}

async function filled(
  bench: Bench,
  { redis: { port }, sidecar }: Place,
  count: number,
  updates: typeof sampleUpdates,
): Promise<{ ids: string[]; memory: SessionMemory }> {
  const redis = new Redis({ port, host: '127.0.0.1' });
  try {
    const before = await usedBytes(redis);
    const startedAt = performance.now();
    const ids = await createSessions(sidecar.port, count, updates);
    const perSecond = count / ((performance.now() - startedAt) / 1000);
    bench.say(`${count} sessions made, ${perSecond.toFixed(0)}/s`);
    const grownBytes = ((await usedBytes(redis)) - before) / count;
    return { ids, memory: { count, grownBytes, ...(await keyBytes(redis, ids)) } };
  } finally {
    redis.disconnect();
  }
}

/** MEMORY USAGE of every session, each value of it counted. */
async function keyBytes(redis: Redis, ids: readonly string[]) {
  let total = 0;
  let maxBytes = 0;
  for (let from = 0; from < ids.length; from += PIPELINE) {
    const pipeline = redis.pipeline();
    for (const id of ids.slice(from, from + PIPELINE)) {
      pipeline.memory('USAGE', `hyperpage:session:${id}`, 'SAMPLES', 0);
    }
    for (const [error, bytes] of (await pipeline.exec()) ?? []) {
      if (error || typeof bytes !== 'number') throw error ?? new Error('a session is not in Redis');
      total += bytes;
      maxBytes = Math.max(maxBytes, bytes);
    }
  }
  return { meanBytes: total / ids.length, maxBytes };
}

const usedBytes = async (redis: Redis): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);

function memoryRows(id: string, what: string, memory: SessionMemory): Row[] {
  const common = { unit: 'B', atMost: LIMIT_BYTES };
  const measured = `MEMORY USAGE of ${what}, ${memory.count} of them`;
  return [
    row({
      ...common,
      id: `sessions-memory/${id}-mean`,
      what: `${measured}, mean`,
      value: memory.meanBytes,
    }),
    row({ ...common, id: `sessions-memory/${id}-max`, what: `${measured}, max`, value: memory.maxBytes }),
    row({
      id: `sessions-memory/${id}-grown`,
      what: `Redis used_memory for ${what}, index and expiry included`,
      unit: 'B',
      value: memory.grownBytes,
    }),
  ];
}

/** Flat: a hundred times the sessions may cost what the machine's noise does. */
function flatRows([few, many]: readonly Standing[]): Row[] {
  return (['p50', 'p99'] as const).map((rank) =>
    row({
      id: `sessions-memory/flat-${rank}`,
      what: `read at ${PER_SECOND}/s with ${MANY} live sessions, ${rank}`,
      unit: 'ms',
      value: many?.[`${rank}Ms`],
      peer: `with ${FEW}`,
      peerValue: few?.[`${rank}Ms`],
      ratioAtMost: rank === 'p50' ? 1.2 : 1.5,
    }),
  );
}
