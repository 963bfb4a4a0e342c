import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, type Entry, type Row, row, Skipped } from '../entry.ts';
import { openEventStream } from '../event-stream.ts';
import { type KubernetesUnderTest, prepareKubernetes, startKubernetes } from '../kubernetes.ts';
import { runLoad } from '../load/run.ts';
import { type ProcessMemory, processMemory } from '../proc.ts';
import { startProgram } from '../program.ts';
import { startRedis } from '../redis.ts';
import { createSessions, sampleUpdates } from '../session-samples.ts';
import { NODE_ENV, NODE_FLAGS, type SidecarUnderTest, startSidecar } from '../sidecar.ts';

/** Long enough for the start's garbage to be collected or not, as in a pod. */
const REST_MS = 8_000;
const LOAD_MS = 4_000;
const CONNECTIONS = 16;
/** Nobody's. */
const GROUP = 1_731_000;

export const memory: Entry = {
  name: 'memory',
  what: "the sidecar's memory at rest and after load, beside a bare Node process",
  prepare: prepareKubernetes,
  run: async (bench) => {
    const redis = await startRedis(bench);
    const kubernetes = await kubernetesOr(bench);
    const sidecar = await startSidecar(bench, {
      podName: 'bench-0',
      redisPort: redis.port,
      env: {
        COORD_NORMAL_PRIORITY_THRESHOLD: '1000000',
        ...kubernetes?.sidecarEnv,
        ...(kubernetes && { HYPERPAGE_LEASE_NAME: await kubernetes.createLease() }),
      },
      ...(kubernetes && { wrap: kubernetes.wrap(GROUP) }),
    });
    const bare = startProgram(bench, [process.execPath, ...NODE_FLAGS, '-e', 'setInterval(() => {}, 1000)'], {
      env: NODE_ENV,
    });
    await sleep(REST_MS);
    const peer = await processMemory(bare.pid);
    const rest = await processMemory(sidecar.pid);
    await work(bench, sidecar);
    const loaded = await processMemory(sidecar.pid);
    const leading = kubernetes ? 'leading' : 'without election';
    return [
      ...rows('rest', `sidecar at rest, ${leading}`, rest, peer, { atMost: 25 }),
      ...rows('loaded', 'sidecar after 8 s of full load', loaded, peer, {}),
    ];
  },
};

/** An API server to lead on; undefined, after saying so, where the machine cannot have it. */
async function kubernetesOr(bench: Bench): Promise<KubernetesUnderTest | undefined> {
  try {
    return await startKubernetes(bench);
  } catch (error) {
    if (!(error instanceof Skipped)) throw error;
    bench.say(`without election: ${error.message}`);
    return undefined;
  }
}

async function work(bench: Bench, sidecar: SidecarUnderTest): Promise<void> {
  const stream = await openEventStream(`${sidecar.url}/v1/messages`, () => {});
  const job = { connections: CONNECTIONS, warmupMs: 0, forMs: LOAD_MS };
  const post = (path: string, bodies: readonly object[]) =>
    runLoad(bench, {
      ...job,
      target: {
        kind: 'http',
        port: sidecar.port,
        requests: bodies.map((body) => ({ method: 'POST', path, body: JSON.stringify(body) })),
      },
    });
  const ids = await createSessions(sidecar.port, 200);
  await post(
    '/api/sessions',
    ids.map((sessionId, user) => ({ sessionId, updates: sampleUpdates(user) })),
  );
  await post('/v1/messages', [{ type: 'broadcast', payload: { filler: 'x'.repeat(150) } }]);
  stream.close();
}

function rows(
  id: string,
  what: string,
  ours: ProcessMemory,
  peer: ProcessMemory,
  goal: { atMost?: number },
): Row[] {
  const common = { unit: 'MiB', peer: 'bare Node, same flags' };
  return [
    row({
      ...common,
      id: `memory/${id}-anonymous`,
      what: `${what}: anonymous`,
      value: ours.anonymousMiB,
      peerValue: peer.anonymousMiB,
      ...goal,
    }),
    row({
      ...common,
      id: `memory/${id}-resident`,
      what: `${what}: resident, shared files too`,
      value: ours.residentMiB,
      peerValue: peer.residentMiB,
    }),
  ];
}
