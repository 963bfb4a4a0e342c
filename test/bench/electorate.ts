import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeaderView } from '@hyperpage/contract';
import { electorsOf, podOf } from '@hyperpage/runtime';
import { type Belief, beliefOf } from './beliefs.ts';
import type { Candidate } from './candidates.ts';
import type { Bench } from './entry.ts';
import type { Outcast } from './firewall.ts';
import type { KubernetesUnderTest } from './kubernetes.ts';
import { freePorts } from './ports.ts';
import { until } from './program.ts';
import { type SidecarUnderTest, startSidecar } from './sidecar.ts';

/** A sidecar that takes part in an election, and may be cut off. */
export interface Sidecar extends SidecarUnderTest, Candidate, Outcast {
  /** What it says of the leadership. */
  view(): Promise<LeaderView>;
}

/** Sidecars of one cluster, as processes of this machine. */
export interface Electorate {
  lease: string;
  start(index: number): Promise<Sidecar>;
  /** Resolves once the leader has a full set of electors, all of them among `alive`. */
  settled(alive: readonly Sidecar[]): Promise<void>;
}

export interface ElectorateOptions {
  redisPort: number;
  /** Time between two questions to each sidecar, in milliseconds. */
  pollMs: number;
  /** Where all that is told of leading is noted. */
  beliefs: Belief[];
  env?: Record<string, string>;
}

/** Loopback addresses for pods, which all use one port, as pods do. A dead one's is given to a later one. */
const ADDRESSES = Array.from({ length: 24 }, (_, i) => `127.31.0.${i + 1}`);
/** Group ids that nobody has. */
const FIRST_GROUP = 1_731_000;
const FULL = 3;

export async function openElectorate(
  bench: Bench,
  kubernetes: KubernetesUnderTest,
  { redisPort, pollMs, beliefs, env }: ElectorateOptions,
): Promise<Electorate> {
  const lease = await kubernetes.createLease();
  const group = randomBytes(2).toString('hex');
  const [podPort] = (await freePorts(1)) as [number];
  const keyFile = await sharedKey(bench);
  const service = `peers-${group}`;
  const listed = new Set<string>();
  const start = async (index: number): Promise<Sidecar> => {
    const podName = `bench-${group}-${index}`;
    const address = ADDRESSES[index % ADDRESSES.length] as string;
    const groupId = FIRST_GROUP + index;
    await kubernetes.publish(service, [...listed.add(address)]);
    const sidecar = await startSidecar(bench, {
      podName,
      redisPort,
      env: {
        ...kubernetes.sidecarEnv,
        HYPERPAGE_LEASE_NAME: lease,
        HYPERPAGE_POD_IP: address,
        HYPERPAGE_POD_PORT: String(podPort),
        HYPERPAGE_PEERS_HOST: service,
        HYPERPAGE_PEER_KEY_FILE: keyFile,
        ...env,
      },
      wrap: kubernetes.wrap(groupId),
    });
    const unlist = () => {
      listed.delete(address);
      return kubernetes.publish(service, [...listed]);
    };
    // At the end of the entry nobody is told any more.
    void sidecar.ended.then(unlist).catch(() => {});
    const view = async (): Promise<LeaderView> => {
      const answer = await fetch(`${sidecar.url}/v1/leader`, { signal: AbortSignal.timeout(2000) });
      return (await answer.json()) as LeaderView;
    };
    const leading = watch(podName, sidecar, view, { pollMs, beliefs });
    return { ...sidecar, groupId, address, podPort, openPort: sidecar.port, view, leads: leading };
  };

  return {
    lease,
    start,
    settled: async (alive) => {
      await until(
        'a full set of electors',
        async () => {
          const electors = electorsOf(await kubernetes.readLease(lease)).map(({ id }) => podOf(id));
          const areAlive = electors.every((pod) => alive.some(({ podName }) => podName === pod));
          return (electors.length >= FULL && areAlive) || undefined;
        },
        { timeoutMs: 60_000, everyMs: 100 },
      );
    },
  };
}

async function sharedKey(bench: Bench): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hyperpage-bench-peers-'));
  bench.defer(() => rm(folder, { recursive: true, force: true }));
  const keyFile = join(folder, 'key');
  await writeFile(keyFile, randomBytes(32).toString('base64'));
  return keyFile;
}

/** Asks all the time, and notes what is said. Gives the way to wait for it to lead. */
function watch(
  who: string,
  sidecar: SidecarUnderTest,
  view: () => Promise<LeaderView>,
  { pollMs, beliefs }: { pollMs: number; beliefs: Belief[] },
): Candidate['leads'] {
  const waiting = new Set<() => void>();
  let isLeader = false;
  const look = async () => {
    const askedMs = performance.now();
    const said = await view().catch(() => undefined);
    isLeader = said?.isLeader === true;
    const { validForMs = 0 } = said ?? {};
    const belief = beliefOf(who, { askedMs, arrivedMs: performance.now(), validForMs });
    if (belief) beliefs.push(belief);
    if (isLeader) for (const lead of waiting) lead();
  };
  void (async () => {
    while (!sidecar.hasEnded()) {
      await look();
      await sleep(pollMs);
    }
  })();
  return (signal) =>
    new Promise((resolve) => {
      if (isLeader) return resolve();
      waiting.add(resolve);
      signal.addEventListener('abort', () => waiting.delete(resolve), { once: true });
    });
}
