import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeaderView } from '@hyperpage/contract';
import { type Candidate, type TrialOptions, takeovers } from '../candidates.ts';
import { type Bench, type Entry, type Row, row } from '../entry.ts';
import { type KubernetesUnderTest, prepareKubernetes, startKubernetes } from '../kubernetes.ts';
import { summary } from '../measure.ts';
import { clientGoElection } from '../peers/client-go.ts';
import { freePorts } from '../ports.ts';
import { startProgram } from '../program.ts';
import { startRedis } from '../redis.ts';
import { startSidecar } from '../sidecar.ts';

const TRIALS = Math.max(1, Number.parseInt(process.env['TRIALS'] ?? '', 10) || 2);
const HAND_OVERS = 5;
const CANDIDATES = 3;
/** The spec's LEADER_HEARTBEAT_INTERVAL, and client-go's retry period. */
const OUR_RENEWAL_MS = 10_000;
/** A new leader needs a moment until the one that died is replaced as an elector: two deaths at once are another matter. */
const OUR_QUIET_MS = 4_000;
const PEER_RENEWAL_MS = 2_000;
const CRASH_POLL_MS = 20;
const HAND_OVER_POLL_MS = 5;

export const takeover: Entry = {
  name: 'takeover',
  what: "a leader killed, a leader stopped: time to the next, beside client-go's election",
  limitMs: 90_000 + TRIALS * 60_000,
  prepare: async (say) => {
    await prepareKubernetes(say);
    await clientGoElection(say);
  },
  run: async (bench) => {
    const kubernetes = await startKubernetes(bench);
    const redis = await startRedis(bench);
    const peer = await clientGoElection((line) => bench.say(line));
    const crash = await bothCrash(bench, kubernetes, redis.port, peer);
    const handOver = await bothHandOver(bench, kubernetes, redis.port, peer);
    return [
      takeoverRow({
        id: 'crash',
        what: `leader SIGKILLed, Lease 30 s, ${TRIALS} trials, p99`,
        atMost: 1000,
        ...crash,
      }),
      takeoverRow({
        id: 'hand-over',
        what: `leader SIGTERMed: hand-over, ${HAND_OVERS} trials, p99`,
        atMost: 100,
        ...handOver,
      }),
    ];
  },
};

interface Times {
  ours: number[];
  peer: number[] | undefined;
}

type Common = Pick<TrialOptions, 'trials' | 'candidates' | 'random' | 'end'>;

/** Side by side: both wait nearly all the time. */
async function bothCrash(
  bench: Bench,
  kubernetes: KubernetesUnderTest,
  redisPort: number,
  peer: string | undefined,
): Promise<Times> {
  const common: Common = { trials: TRIALS, candidates: CANDIDATES, random: Math.random, end: 'SIGKILL' };
  const [ours, peers] = await Promise.all([
    ourTrials(bench, kubernetes, redisPort, common, CRASH_POLL_MS),
    peer === undefined ? undefined : peerTrials(bench, kubernetes, peer, common),
  ]);
  return { ours, peer: peers };
}

/** One after the other: milliseconds count. */
async function bothHandOver(
  bench: Bench,
  kubernetes: KubernetesUnderTest,
  redisPort: number,
  peer: string | undefined,
): Promise<Times> {
  const common: Common = { trials: HAND_OVERS, candidates: CANDIDATES, random: Math.random, end: 'SIGTERM' };
  const ours = await ourTrials(bench, kubernetes, redisPort, common, HAND_OVER_POLL_MS);
  return { ours, peer: peer === undefined ? undefined : await peerTrials(bench, kubernetes, peer, common) };
}

async function ourTrials(
  bench: Bench,
  kubernetes: KubernetesUnderTest,
  redisPort: number,
  common: Common,
  pollMs: number,
): Promise<number[]> {
  const lease = await kubernetes.createLease();
  const group = randomBytes(2).toString('hex');
  const network = await networkOf(bench);
  const start = (index: number): Promise<Candidate> =>
    startCandidate(bench, kubernetes, {
      lease,
      redisPort,
      podName: `bench-${group}-${index}`,
      pollMs,
      env: network(index),
    });
  const livesUpToMs = common.end === 'SIGKILL' ? OUR_RENEWAL_MS : 500;
  const livesAtLeastMs = common.end === 'SIGKILL' ? OUR_QUIET_MS : 0;
  const say = (line: string) => bench.say(`sidecars, ${line}`);
  return takeovers({ ...common, livesAtLeastMs, livesUpToMs, start, say });
}

/** Loopback addresses for pods, which all use one port, as pods do. */
const PODS = 12;

/** What pod `index` has to know to find the others: a dead one's address is given to a later one. */
async function networkOf(bench: Bench): Promise<(index: number) => Record<string, string>> {
  const addresses = Array.from({ length: PODS }, (_, i) => `127.31.0.${i + 1}`);
  const [port] = await freePorts(1);
  const folder = await mkdtemp(join(tmpdir(), 'hyperpage-bench-peers-'));
  bench.defer(() => rm(folder, { recursive: true, force: true }));
  const keyFile = join(folder, 'key');
  await writeFile(keyFile, randomBytes(32).toString('base64'));
  return (index) => ({
    HYPERPAGE_POD_IP: addresses[index % PODS] as string,
    HYPERPAGE_POD_PORT: String(port),
    HYPERPAGE_PEERS_HOST: addresses.join(','),
    HYPERPAGE_PEER_KEY_FILE: keyFile,
  });
}

async function startCandidate(
  bench: Bench,
  kubernetes: KubernetesUnderTest,
  options: {
    lease: string;
    redisPort: number;
    podName: string;
    pollMs: number;
    env: Record<string, string>;
  },
): Promise<Candidate> {
  const sidecar = await startSidecar(bench, {
    podName: options.podName,
    redisPort: options.redisPort,
    env: { ...kubernetes.sidecarEnv, HYPERPAGE_LEASE_NAME: options.lease, ...options.env },
    wrap: kubernetes.wrap,
  });
  const isLeader = async (): Promise<boolean> => {
    const answer = await fetch(`${sidecar.url}/v1/leader`, { signal: AbortSignal.timeout(2000) });
    return ((await answer.json()) as LeaderView).isLeader;
  };
  return {
    ...sidecar,
    leads: async (signal) => {
      while (!signal.aborted && !(await isLeader().catch(() => false))) await sleep(options.pollMs);
      if (signal.aborted) await never;
    },
  };
}

async function peerTrials(
  bench: Bench,
  kubernetes: KubernetesUnderTest,
  program: string,
  common: Common,
): Promise<number[]> {
  const lease = `client-go-${randomBytes(2).toString('hex')}`;
  const start = async (index: number): Promise<Candidate> => {
    const { kubeconfigPath, namespace } = kubernetes;
    const candidate = startProgram(bench, [program, kubeconfigPath, namespace, lease, `candidate-${index}`]);
    const leading = new Promise<void>((resolve) => {
      candidate.onLine((line) => {
        if (line.startsWith('leading ')) resolve();
      });
    });
    return { ...candidate, leads: () => leading };
  };
  const say = (line: string) => bench.say(`client-go, ${line}`);
  return takeovers({ ...common, livesAtLeastMs: 0, livesUpToMs: PEER_RENEWAL_MS, start, say });
}

const never = new Promise<never>(() => {});

function takeoverRow({
  ours,
  peer,
  id,
  what,
  atMost,
}: Times & { id: string; what: string; atMost: number }): Row {
  const { p50, p99 } = summary(ours);
  return row({
    id: `takeover/${id}`,
    what,
    unit: 'ms',
    p50,
    p99,
    value: p99,
    peer: peer && 'client-go, Lease 15 s',
    peerValue: peer && summary(peer).p99,
    atMost,
  });
}
