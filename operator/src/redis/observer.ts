import { ANNOTATIONS, type HyperpageCluster, PORTS } from '@hyperpage/contract';
import { type Clock, type Logger, sleep, type Timer, within } from '@hyperpage/runtime';
import { sentinelNameOf } from '../desired/index.ts';
import { ghostOf, type Judgement, judge, strandedOf } from './judge.ts';
import { atPace } from './pace.ts';
import { createPersistence } from './persistence.ts';
import { STRANGER_PROOF_MS, strangersOf } from './strangers.ts';
import type {
  Credentials,
  NodeView,
  RedisObservation,
  RedisProbe,
  RedisQuestions,
  RedisTarget,
  SentinelView,
} from './types.ts';

/** Where a cluster's Redis is and how to speak to it; refreshed with every visit of the reconciler. */
export interface RedisSite {
  cluster: HyperpageCluster;
  targets: RedisTarget[];
  /** Redis pods that there should be now. */
  expected: number;
  missingAreEmpty: boolean;
  /** In mode External the URL. */
  url?: string;
  /** Undefined while a Secret is missing. */
  credentials: Credentials | undefined;
  questions: RedisQuestions;
}

/** An observation with what it means and how old it is. */
export interface TimedRedisObservation {
  observation: RedisObservation;
  judgement: Judgement;
  ageMs: number;
  /** Older than twice the interval of the probe: says nothing any more. */
  stale: boolean;
  /** How long every look has shown the same strangers (strangersOf), in milliseconds. */
  strangersMs: number;
}

/** Looks at the Redis of every cluster again and again, apart from the reconciler, which only reads what was seen. */
export interface RedisObservations {
  get(cluster: HyperpageCluster): TimedRedisObservation | undefined;
  /** Begins to look, or goes on with new targets. */
  follow(site: RedisSite): void;
  /** What the first look since `follow` saw. Waits for it, at most `withinMs`. */
  first(cluster: HyperpageCluster, withinMs: number): Promise<TimedRedisObservation | undefined>;
  /** Looks now, and gives what it sees. */
  look(site: RedisSite): Promise<TimedRedisObservation>;
  forget(key: string): void;
  stop(): void;
}

export interface RedisObserverOptions {
  probe: RedisProbe;
  clock: Clock;
  log: Logger;
  intervalMs: number;
  /** Called with `namespace/name` when something that matters has changed. */
  onChange(key: string): void;
}

interface Entry {
  site: RedisSite;
  timer: Timer;
  /** Resolves once the first look is over; never rejects. */
  first: Promise<void>;
  seen?: Seen;
}

interface Seen {
  observation: RedisObservation;
  judgement: Judgement;
  atMs: number;
  strangersMs: number;
  gist: string;
}

const keyOf = ({ metadata }: HyperpageCluster) => `${metadata.namespace}/${metadata.name}`;

export function createRedisObserver(options: RedisObserverOptions): RedisObservations {
  const { probe, clock, log, intervalMs } = options;
  const entries = new Map<string, Entry>();
  const persistence = createPersistence(clock);

  const timed = (seen: Seen): TimedRedisObservation => {
    const ageMs = clock.monotonicMs() - seen.atMs;
    const { observation, judgement, strangersMs } = seen;
    return { observation, judgement, ageMs, strangersMs, stale: ageMs > 2 * intervalMs + 2 * READING_MS };
  };

  const look = async (site: RedisSite): Promise<Seen> => {
    const { cluster } = site;
    const observation = await readTopology(site, probe, clock);
    const lasting = (what: string, gist: string | undefined) =>
      persistence.lastsMs(keyOf(cluster), what, gist && `${cluster.metadata.uid} ${gist}`);
    const addresses = observation.nodes.map(({ address }) => address).join(' ');
    const ghost = ghostOf(observation);
    const stranded = strandedOf(observation);
    const judgement = judge(
      observation,
      {
        ghostMs: lasting('ghost', ghost && `${ghost} ${addresses}`),
        strandedMs: lasting('stranded', stranded && `${stranded} ${addresses}`),
      },
      cluster.metadata.annotations?.[ANNOTATIONS.choosePrimary],
    );
    const strangers = strangersOf(observation, judgement);
    const strangersMs = lasting('strangers', strangers.length === 0 ? undefined : addresses);
    const gist = `${judgement.decision.kind} ${strangersMs >= STRANGER_PROOF_MS} ${gistOf(observation)}`;
    return { observation, judgement, atMs: clock.monotonicMs(), strangersMs, gist };
  };

  /** Whoever looked: what is new is told, or nobody would hear of what a look in the middle of a visit found. */
  const saw = (key: string, entry: Entry, seen: Seen) => {
    const before = entry.seen?.gist;
    entry.seen = seen;
    if (seen.gist !== before) options.onChange(key);
  };

  const turn = async (key: string) => {
    const entry = entries.get(key);
    if (!entry || (entry.site.targets.length === 0 && !isExternal(entry.site))) return;
    saw(key, entry, await look(entry.site));
  };

  const get = (cluster: HyperpageCluster) => {
    const entry = entries.get(keyOf(cluster));
    return entry?.seen && entry.site.cluster.metadata.uid === cluster.metadata.uid
      ? timed(entry.seen)
      : undefined;
  };

  return {
    get,
    first: async (cluster, withinMs) => {
      const giveUp = new AbortController();
      const patience = sleep(clock, withinMs, giveUp.signal).catch(() => {});
      await Promise.race([entries.get(keyOf(cluster))?.first, patience]);
      giveUp.abort();
      return get(cluster);
    },
    follow: (site) => {
      const key = keyOf(site.cluster);
      const known = entries.get(key);
      if (known && known.site.cluster.metadata.uid === site.cluster.metadata.uid) {
        const moved = JSON.stringify(known.site.targets) !== JSON.stringify(site.targets);
        known.site = site;
        if (moved) void turn(key).catch((err) => log.warn({ err, key }, 'looking at redis failed'));
        return;
      }
      known?.timer.cancel();
      const onError = (err: unknown) => log.warn({ err, key }, 'looking at redis failed');
      const first = Promise.withResolvers<void>();
      const timer = atPace(clock, intervalMs, () => turn(key), onError);
      entries.set(key, { site, timer, first: first.promise });
      void turn(key).catch(onError).finally(first.resolve);
    },
    look: async (site) => {
      const seen = await look(site);
      const key = keyOf(site.cluster);
      const entry = entries.get(key);
      if (entry) saw(key, entry, seen);
      return timed(seen);
    },
    forget: (key) => {
      entries.get(key)?.timer.cancel();
      entries.delete(key);
      persistence.forget(key);
    },
    stop: () => {
      for (const { timer } of entries.values()) timer.cancel();
      entries.clear();
      probe.close();
    },
  };
}

/** What connecting to one server and asking it may take: a look is as slow as the slowest, and what the others said is
 *  told no sooner. */
const READING_MS = 1500;

const isExternal = ({ cluster }: RedisSite) => cluster.spec.redis.mode === 'External';

/** What of an observation is worth a visit of the reconciler: all but figures that move all the time. */
const gistOf = (observation: RedisObservation): string =>
  JSON.stringify(observation, (name, value: unknown) => {
    if (name === 'keys') return value !== 0;
    if (name === 'offset') return undefined;
    if (name === 'slowestReplicaSeconds') return (value as number) > LAGGING_SECONDS;
    return value;
  });

/** A replica that has been silent for longer lags; Redis's own `min-replicas-max-lag` is the same. */
export const LAGGING_SECONDS = 10;

async function readTopology(site: RedisSite, probe: RedisProbe, clock: Clock): Promise<RedisObservation> {
  const { cluster, targets, expected, missingAreEmpty, questions, url } = site;
  const credentials = () => required(site.credentials);
  const view = viewer(clock);
  if (isExternal(site)) {
    const node = await view('external', 'external', () => probe.external(required(url), credentials()));
    return { expected: 1, missingAreEmpty: false, nodes: [node], sentinels: [] };
  }
  const name = sentinelNameOf(cluster);
  const nodes: Array<Promise<NodeView>> = targets.map(({ pod, ip }) => {
    const address = addressOf(ip, PORTS.redis);
    return view(pod, address, async () => probe.node(located(ip, address), credentials(), questions));
  });
  const sentinels: Array<Promise<SentinelView>> = targets
    .filter(({ sentinel }) => sentinel)
    .map(({ pod, ip }) => {
      const address = addressOf(ip, PORTS.sentinel);
      return view(pod, address, async () =>
        probe.sentinel(located(ip, address), credentials(), name, questions),
      );
    });
  return {
    expected,
    missingAreEmpty,
    nodes: await Promise.all(nodes),
    sentinels: await Promise.all(sentinels),
  };
}

const addressOf = (ip: string | undefined, port: number) => (ip ? `${ip}:${port}` : '');

const located = (ip: string | undefined, address: string): string => {
  if (!ip) throw new Error('the pod has no address yet');
  return address;
};

const required = <T>(secret: T | undefined): T => {
  if (secret === undefined) throw new Error('its Secret is missing');
  return secret;
};

const viewer =
  (clock: Clock) =>
  async <Reading extends object>(pod: string, address: string, read: () => Promise<Reading>) => {
    try {
      const reading = await within(clock, READING_MS, read(), 'no answer in time');
      return { reachable: true as const, pod, address, ...reading };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return { reachable: false as const, pod, address, problem };
    }
  };
