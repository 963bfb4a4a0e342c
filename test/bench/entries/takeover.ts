import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Belief, overlaps } from '../beliefs.ts';
import { type Candidate, ended, type Strike, stopped, takeovers } from '../candidates.ts';
import { type Electorate, openElectorate, type Sidecar } from '../electorate.ts';
import { type Bench, type Entry, type Row, row } from '../entry.ts';
import { startFirewall } from '../firewall.ts';
import { type KubernetesUnderTest, prepareKubernetes, startKubernetes } from '../kubernetes.ts';
import { summary } from '../measure.ts';
import { clientGoElection } from '../peers/client-go.ts';
import { startProgram } from '../program.ts';
import { startRedis } from '../redis.ts';

const countOf = (name: string, otherwise: number) =>
  Math.max(1, Number.parseInt(process.env[name] ?? '', 10) || otherwise);
const TRIALS = countOf('TRIALS', 3);
/** A trial of client-go takes a third of a minute. */
const PEER_TRIALS = countOf('PEER_TRIALS', 2);
const HAND_OVERS = Math.max(20, TRIALS);
const PEER_HAND_OVERS = 5;
const CANDIDATES = 3;
const OUR_LIFE_MS = 1_000;
const PEER_RENEWAL_MS = 2_000;
const CRASH_POLL_MS = 20;
const HAND_OVER_POLL_MS = 5;
/** How long requests to the API server are counted, and by how many sidecars they are made. */
const COUNTED_MS = 60_000;
const MANY = 20;

export const takeover: Entry = {
  name: 'takeover',
  what: "a leader killed, hung, cut off and stopped: time to the next, beside client-go's election",
  limitMs: 300_000 + TRIALS * 45_000 + PEER_TRIALS * 60_000,
  prepare: async (say) => {
    await prepareKubernetes(say);
    await clientGoElection(say);
  },
  run: async (bench) => {
    const kubernetes = await startKubernetes(bench);
    const { port: redisPort } = await startRedis(bench);
    const program = await clientGoElection((line) => bench.say(line));
    const peer = program === undefined ? undefined : { kubernetes, program };
    const requests = await requestRows(bench, kubernetes, redisPort);
    const beliefs: Belief[][] = [];
    const open = (pollMs: number, noted: Belief[]) =>
      openElectorate(bench, kubernetes, { redisPort, pollMs, beliefs: noted });
    const openNoted = () => {
      const noted: Belief[] = [];
      beliefs.push(noted);
      return open(CRASH_POLL_MS, noted);
    };
    const faults = await faultRows(bench, openNoted, peer);
    // In a pod the app has ended before its sidecar is asked to: what it was told binds nobody any more.
    const handOver = await handOverRow(bench, await open(HAND_OVER_POLL_MS, []), peer);
    return [...faults, handOver, overlapRow(beliefs), ...requests];
  },
};

/** Each fault has a Lease of its own. */
type Open = () => Promise<Electorate>;

interface Peer {
  kubernetes: KubernetesUnderTest;
  program: string;
}

/** Ours, one fault after the other; client-go's crash beside them: it waits nearly all the time. */
async function faultRows(bench: Bench, open: Open, peer: Peer | undefined): Promise<Row[]> {
  const firewall = await startFirewall(bench);
  const peers = peer && peerTrials(bench, peer, 'SIGKILL', PEER_TRIALS);
  peers?.catch(() => {});
  const cutOff = async (leader: Sidecar): Promise<Strike> => {
    const atMs = performance.now();
    await firewall?.cut(leader);
    return {
      atMs,
      finish: async () => {
        await firewall?.heal();
        await sleep(300);
        leader.signal('SIGKILL');
        await leader.ended;
      },
    };
  };
  const faults: Array<{ id: string; what: string; strike?: (leader: Sidecar) => Promise<Strike> }> = [
    { id: 'crash', what: 'killed', strike: (leader) => ended(leader, 'SIGKILL') },
    { id: 'hang', what: 'standing still', strike: stopped },
    { id: 'partition', what: 'cut off', ...(firewall ? { strike: cutOff } : {}) },
  ];
  if (!firewall) bench.say('LEFT OUT: nobody is cut off without nft (make setup) and the right to use it');
  const rows: Array<{ id: string; what: string; times: number[] | undefined }> = [];
  for (const { id, what, strike } of faults) {
    const times = strike && (await ourTrials(bench, await open(), { fault: what, strike, trials: TRIALS }));
    rows.push({ id, what, times });
  }
  const peerTimes = await peers;
  const all = rows.flatMap(({ times }) => times ?? []);
  rows.push({ id: 'any', what: 'killed, standing still or cut off', times: all });
  return rows.map(({ id, what, times }) => {
    const sample = times && summary(times);
    return row({
      id: `takeover/${id}`,
      what: `leader ${what}, Lease 30 s: p99 of ${times?.length ?? 0}; client-go's killed, of ${PEER_TRIALS}`,
      unit: 'ms',
      ...(sample ? { p50: sample.p50, p99: sample.p99 } : {}),
      value: sample?.p99,
      peer: peerTimes && 'client-go, Lease 15 s',
      peerValue: peerTimes && summary(peerTimes).p99,
      atMost: 1000,
    });
  });
}

/** One after the other: milliseconds count. */
async function handOverRow(bench: Bench, electorate: Electorate, peer: Peer | undefined): Promise<Row> {
  const strike = (leader: Sidecar) => ended(leader, 'SIGTERM');
  const ours = await ourTrials(bench, electorate, { fault: 'stopped', strike, trials: HAND_OVERS });
  const peers = peer && (await peerTrials(bench, peer, 'SIGTERM', PEER_HAND_OVERS));
  const { p50, p99 } = summary(ours);
  return row({
    id: 'takeover/hand-over',
    what: `leader stopped, hands over: p99 of ${ours.length}; client-go's of ${PEER_HAND_OVERS}`,
    unit: 'ms',
    p50,
    p99,
    value: p99,
    peer: peers && 'client-go, Lease 15 s',
    peerValue: peers && summary(peers).p99,
    atMost: 100,
  });
}

/** Of each Lease apart: leaders of two Leases may lead at the same moment. */
const overlapRow = (beliefs: ReadonlyArray<readonly Belief[]>): Row =>
  row({
    id: 'takeover/overlaps',
    what: `pairs that were told at the same moment that they lead, but for hand-overs, of ${beliefs.flat().length} answers`,
    unit: 'pairs',
    value: beliefs.flatMap(overlaps).length,
    atMost: 0,
  });

let started = 0;
const ourTrials = (
  bench: Bench,
  { start, settled }: Electorate,
  trial: { fault: string; trials: number; strike: (leader: Sidecar) => Promise<Strike> },
): Promise<number[]> =>
  takeovers<Sidecar>({
    ...trial,
    candidates: CANDIDATES,
    random: Math.random,
    livesUpToMs: OUR_LIFE_MS,
    start: () => start(started++),
    settled,
    say: (line) => bench.say(`sidecar, ${line}`),
  });

async function peerTrials(
  bench: Bench,
  { kubernetes, program }: Peer,
  signal: 'SIGKILL' | 'SIGTERM',
  trials: number,
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
  return takeovers({
    fault: signal,
    trials,
    candidates: CANDIDATES,
    random: Math.random,
    livesUpToMs: PEER_RENEWAL_MS,
    start,
    strike: (leader) => ended(leader, signal),
    settled: async () => {},
    say: (line) => bench.say(`client-go, ${line}`),
  });
}

/** What an election at rest asks of the API server, by how many take part. */
async function requestRows(bench: Bench, kubernetes: KubernetesUnderTest, redisPort: number): Promise<Row[]> {
  const rate = async () => {
    const before = await kubernetes.leaseRequests();
    await sleep(COUNTED_MS);
    return ((await kubernetes.leaseRequests()) - before) / (COUNTED_MS / 1000);
  };
  const nobody = await rate();
  const rows: Row[] = [];
  const electorate = await openElectorate(bench, kubernetes, { redisPort, pollMs: 1_000, beliefs: [] });
  const sidecars: Sidecar[] = [];
  for (const count of [CANDIDATES, MANY]) {
    while (sidecars.length < count) sidecars.push(await electorate.start(started++));
    await electorate.settled(sidecars);
    await sleep(2_000);
    const perSecond = Math.max(0, (await rate()) - nobody);
    bench.say(`${count} sidecars: ${perSecond.toFixed(2)} requests a second to the API server`);
    rows.push(
      row({
        id: `takeover/requests-${count}`,
        what: `requests to the API server about the Lease, ${count} sidecars at rest`,
        unit: 'per second',
        value: perSecond,
        atMost: 1,
      }),
    );
  }
  await Promise.all(sidecars.map((sidecar) => sidecar.stop()));
  return rows;
}
