import { type HyperpageCluster, LABELS, PORTS, redisPodName } from '@hyperpage/contract';
import { type RedisSaid, readRedis, readSentinel, type SentinelSaid } from './readings.ts';
import { ServerLine } from './server-line.ts';
import { ANYTHING, either, type Lag, Timeline, worstLag } from './timeline.ts';
import { Watch } from './watch.ts';

/** What is compared: these conditions' statuses, and the name of the primary. */
export const ASPECTS = ['RedisAvailable', 'SentinelQuorum', 'Degraded', 'primary'] as const;
export type Aspect = (typeof ASPECTS)[number];

type Pod = {
  metadata: { name: string; deletionTimestamp?: string; labels?: Record<string, string> };
  status: { podIP?: string; conditions?: Array<{ type: string; status: string }> };
};

/** A server that has not answered for so long does not answer. */
const SILENT_MS = 1_500;
const JUDGE_EVERY_MS = 100;
const REDIS_PODS = 3;
const QUORUM = 2;
/** min-replicas-to-write of three pods. */
const NEEDED_REPLICAS = 1;
export const NOBODY = 'nobody';

const timelines = (): Record<Aspect, Timeline<string>> => ({
  RedisAvailable: new Timeline(),
  SentinelQuorum: new Timeline(),
  Degraded: new Timeline(),
  primary: new Timeline(),
});

/** Knows better than the operator: it asks the servers inside their pods, several times a second, and puts down what the
 *  HyperpageCluster's status should say beside what it says. For mode Sentinel with three Redis pods. */
export class Oracle {
  readonly truth = timelines();
  readonly told = timelines();
  /** Pods whose Redis said that it is a primary, with when it said so last. */
  readonly primaries = new Map<string, number>();
  readonly #name: string;
  readonly #appPods: number;
  readonly #redis = new Map<string, RedisSaid>();
  readonly #sentinels = new Map<string, SentinelSaid>();
  readonly #closing: Array<{ close(): void }> = [];
  readonly #judging: NodeJS.Timeout;
  readonly #pods: Watch<Pod>;

  /** `kubectl`: the program, and the arguments that have it act on the cluster. */
  constructor(options: {
    kubectl: readonly string[];
    namespace: string;
    cluster: HyperpageCluster;
    appPods: number;
  }) {
    const { kubectl, namespace, cluster } = options;
    this.#name = cluster.metadata.name;
    this.#appPods = options.appPods;
    for (let ordinal = 0; ordinal < REDIS_PODS; ordinal++) {
      const pod = redisPodName(this.#name, ordinal);
      const hearRedis = readRedis((said) => {
        this.#redis.set(pod, said);
        if (said.primary) this.primaries.set(pod, said.atMs);
      });
      const hearSentinel = readSentinel((said) => void this.#sentinels.set(pod, said));
      const place = { kubectl, namespace, pod };
      const master = `SENTINEL MASTER hyperpage-${cluster.metadata.uid}`;
      this.#closing.push(
        new ServerLine({
          ...place,
          port: PORTS.redis,
          question: 'INFO persistence replication',
          hear: hearRedis,
        }),
        new ServerLine({ ...place, port: PORTS.sentinel, question: master, hear: hearSentinel }),
      );
    }
    this.#pods = new Watch<Pod>(kubectl, namespace, 'pods', () => undefined);
    const clusters = new Watch<HyperpageCluster>(kubectl, namespace, 'hyperpageclusters', () => {
      const status = clusters.objects.get(this.#name)?.status;
      if (status) this.#hear(status);
    });
    this.#closing.push(this.#pods, clusters);
    this.#judging = setInterval(() => this.#judge(), JUDGE_EVERY_MS);
  }

  close(): void {
    clearInterval(this.#judging);
    for (const one of this.#closing) one.close();
  }

  /** For each aspect how long the status was wrong between two moments. `honest`: words that are never wrong. */
  lags(fromMs: number, toMs: number, honest: readonly string[] = []): Partial<Record<Aspect, Lag>> {
    const found: Partial<Record<Aspect, Lag>> = {};
    for (const aspect of ASPECTS) {
      const lag = worstLag(this.truth[aspect], this.told[aspect], fromMs, toMs, honest);
      if (lag) found[aspect] = lag;
    }
    return found;
  }

  #hear(status: NonNullable<HyperpageCluster['status']>): void {
    const nowMs = Date.now();
    for (const { type, status: value } of status.conditions ?? [])
      if (type in this.told) this.told[type as Aspect].set(nowMs, value);
    this.told.primary.set(nowMs, status.redis?.primary ?? NOBODY);
  }

  #judge(): void {
    const nowMs = Date.now();
    const fresh = <T extends { atMs: number }>(said: ReadonlyMap<string, T>) =>
      [...said].filter(([, { atMs }]) => nowMs - atMs < SILENT_MS);
    const redis = fresh(this.#redis).filter(([, { loading }]) => !loading);
    const sentinels = fresh(this.#sentinels).map(([, said]) => said);
    const primaries = redis.filter(([, { primary }]) => primary);
    const writable = primaries.filter(([, { goodReplicas }]) => goodReplicas >= NEEDED_REPLICAS);
    const [primary] = primaries;
    this.truth.primary.set(nowMs, primaries.length > 1 ? ANYTHING : (primary?.[0] ?? NOBODY));
    this.truth.RedisAvailable.set(
      nowMs,
      // Where no Redis answers there may be none, or none that can be seen.
      writable.length === 1 ? 'True' : this.#anyAnswers(nowMs) ? 'False' : either('False', 'Unknown'),
    );
    this.truth.SentinelQuorum.set(nowMs, isAgreed(sentinels) ? 'True' : 'False');
    const spare =
      primaries.length === 1 &&
      redis.filter(([, { linkUp }]) => linkUp).length === REDIS_PODS - 1 &&
      sentinels.filter(({ names }) => names !== undefined).length === REDIS_PODS;
    this.truth.Degraded.set(nowMs, spare && this.#podsReady() ? 'False' : 'True');
  }

  #anyAnswers(nowMs: number): boolean {
    return [...this.#redis.values()].some(({ atMs }) => nowMs - atMs < SILENT_MS);
  }

  /** What only kubelet can tell: pods that are ready by its probes. */
  #podsReady(): boolean {
    const ready = (component: string) =>
      [...this.#pods.objects.values()].filter(
        ({ metadata, status }) =>
          metadata.labels?.[LABELS.component] === component &&
          !metadata.deletionTimestamp &&
          status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'),
      ).length;
    return ready('app') >= this.#appPods && ready('redis') >= REDIS_PODS;
  }
}

/** Enough Sentinels watch and know each other to elect, a majority names the same primary, and none is electing. */
function isAgreed(sentinels: readonly SentinelSaid[]): boolean {
  const watching = sentinels.filter(({ names }) => names !== undefined);
  if (watching.filter(({ knows }) => knows + 1 >= QUORUM).length < QUORUM) return false;
  if (watching.some(({ failingOver }) => failingOver)) return false;
  return watching.some((one) => watching.filter(({ names }) => names === one.names).length >= QUORUM);
}
