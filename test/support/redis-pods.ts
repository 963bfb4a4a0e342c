import { randomInt, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HyperpageCluster } from '@hyperpage/contract';
import { silentLogger, systemClock } from '@hyperpage/runtime';
import { sentinelNameOf } from '../../operator/src/desired/index.ts';
import { REDIS_SCRIPTS } from '../../operator/src/desired/redis-scripts.ts';
import {
  buildTopology,
  type Credentials,
  createRedisObserver,
  createRedisProbe,
  type RedisOrders,
  sendRedisOrders,
  switchOver,
  type TimedRedisObservation,
} from '../../operator/src/redis/index.ts';
import type { Authority } from './certificates.ts';
import { eventually } from './eventually.ts';
import { RedisPod, type RedisSite } from './redis-pod.ts';
import { certificateFiles, type MountedCredentials, mountAll, secretFiles } from './redis-pod-mounts.ts';

export { RedisPod } from './redis-pod.ts';

export const PASSWORD = 'it has "quotes", \\ and spaces';
/** The name in the servers' certificates. */
export const TLS_NAME = 'demo-redis.demo.svc';

export interface RedisPodsOptions {
  mode?: RedisSite['mode'];
  replicas?: number;
  password?: string;
  /** Text of settings.conf; without it there is no such file. */
  settings?: string;
  /** With it, everything is encrypted. */
  authority?: Authority;
}

/** The Redis pods of one cluster and the part of the operator that tends them. */
export class RedisPods {
  readonly cluster: HyperpageCluster;
  readonly pods: RedisPod[] = [];
  /** Every command that the operator sent to change something. */
  readonly ordered: string[] = [];
  #site: RedisSite;
  readonly #net = `127.${randomInt(16, 250)}.${randomInt(1, 250)}`;
  #lastHost = 0;
  #credentials: MountedCredentials;
  #authority: Authority | undefined;
  readonly #probe = createRedisProbe();
  readonly #observer = createRedisObserver({
    probe: this.#probe,
    clock: systemClock,
    log: silentLogger,
    intervalMs: 3_600_000,
    onChange: () => {},
  });

  private constructor(folder: string, options: RedisPodsOptions) {
    const { mode = 'Sentinel', replicas = 3, password = PASSWORD, authority } = options;
    this.cluster = {
      metadata: { name: 'demo', namespace: 'demo', uid: randomUUID(), generation: 1, resourceVersion: '1' },
      spec: { redis: { mode, replicas } },
    } as unknown as HyperpageCluster;
    this.#credentials = { password, accepted: [password], generation: 1 };
    this.#authority = authority;
    this.#site = {
      folder,
      primaryName: sentinelNameOf(this.cluster),
      mode,
      tls: authority !== undefined,
      credentials: () => this.credentials(),
    };
  }

  static async create(options: RedisPodsOptions = {}): Promise<RedisPods> {
    const folder = await mkdtemp(join(tmpdir(), 'hyperpage-redis-'));
    const all = new RedisPods(folder, options);
    await mkdir(join(folder, 'scripts'));
    const { settings } = options;
    const files = { ...REDIS_SCRIPTS, ...(settings === undefined ? {} : { 'settings.conf': settings }) };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, 'scripts', name), text);
    for (let ordinal = 0; ordinal < (options.replicas ?? 3); ordinal++) await all.add();
    return all;
  }

  /** What the pods that come from now on are told. */
  setMode(mode: RedisSite['mode']): void {
    this.#site = { ...this.#site, mode };
    this.cluster.spec.redis.mode = mode;
  }

  get primaryName(): string {
    return this.#site.primaryName;
  }

  /** As the operator speaks with the servers now. */
  credentials(): Credentials {
    const { password, accepted } = this.#credentials;
    const others = accepted.filter((other) => other !== password);
    const tls = this.#authority && { ca: this.#authority.ca, serverName: TLS_NAME };
    return { password, others, ...(tls ? { tls } : {}) };
  }

  /** Makes the next pod, at an address that nobody had before; it is started by nobody yet. */
  async add(): Promise<RedisPod> {
    const mounts = await mountAll(this.#credentials, await this.#authority?.issue(TLS_NAME));
    const pod = new RedisPod(`demo-redis-${this.pods.length}`, this.freshIp(), this.#site, mounts);
    this.pods.push(pod);
    await this.resolve();
    return pod;
  }

  /** Takes the last pod away for ever. */
  async remove(): Promise<void> {
    await discard(this.pods.pop());
    await this.resolve();
  }

  freshIp = (): string => `${this.#net}.${++this.#lastHost}`;

  /** Writes what the names of `pods` resolve to. */
  resolve = (pods = this.pods) =>
    writeFile(join(this.#site.folder, 'scripts', 'peers'), `${pods.map(({ ip }) => ip).join('\n')}\n`);

  /** What the Secret says from now on, and kubelet brings to `to`. */
  async setCredentials(credentials: MountedCredentials, to = this.pods): Promise<void> {
    this.#credentials = credentials;
    await Promise.all(to.map(({ mounts }) => mounts.secret.change(secretFiles(credentials))));
  }

  /** New certificates, of another authority if given. */
  async renewCertificates(authority = this.#authority): Promise<void> {
    if (!authority) throw new Error('these pods have no certificates');
    this.#authority = authority;
    for (const { mounts } of this.pods)
      await mounts.certificates.change(await certificateFiles(await authority.issue(TLS_NAME)));
  }

  /** Puts another pod, not started yet, in the place of the one at `index`. */
  async succeed(index: number, successor: RedisPod): Promise<RedisPod> {
    this.pods[index] = successor;
    await this.resolve();
    return successor;
  }

  /** Deletes the pod and starts its successor at an address that nobody had before. */
  async replace(index: number, options: { volume: 'kept' | 'lost' }): Promise<void> {
    const pod = this.pod(index);
    await pod.delete(options);
    const successor = await this.succeed(index, pod.successor({ ip: this.freshIp() }));
    await successor.start();
  }

  pod(index: number): RedisPod {
    const pod = this.pods[index];
    if (!pod) throw new Error(`there is no pod ${index}`);
    return pod;
  }

  start = async () => {
    await Promise.all(this.pods.map((pod) => pod.start()));
  };

  /** What the operator sees now. */
  look({ missingAreEmpty = false, only }: LookOptions = {}): Promise<TimedRedisObservation> {
    const { mode } = this.#site;
    return this.#observer.look({
      cluster: this.cluster,
      targets: (only ?? this.pods).map(({ name, ip }) => ({ pod: name, ip, sentinel: mode === 'Sentinel' })),
      expected: this.pods.length,
      missingAreEmpty,
      credentials: this.credentials(),
      questions: { settings: [], clients: false },
    });
  }

  /** One visit of the operator: look, and build when that is to be decided. */
  async visit(options: LookOptions = {}): Promise<TimedRedisObservation> {
    const seen = await this.look(options);
    const { decision } = seen.judgement;
    if (decision.kind !== 'build') return seen;
    await buildTopology(this.cluster, seen.observation, decision, this.credentials(), this.#orders);
    return this.look(options);
  }

  /** Visits, as the operator does, until everything is as it should be. */
  settle = (): Promise<TimedRedisObservation> =>
    eventually(
      'one primary, all follow and the Sentinels agree',
      async () => {
        const seen = await this.visit();
        return isWhole(seen) ? seen : undefined;
      },
      { everyMs: 200 },
    );

  /** The operator hands the primary over. Gives the next one. */
  async handOver(): Promise<RedisPod> {
    const { observation, judgement } = await this.look();
    const replicas = observation.nodes
      .filter(({ pod }) => pod !== judgement.primary?.pod)
      .map(({ address }) => address);
    const options = { cluster: this.cluster, credentials: this.credentials(), clock: systemClock };
    const next = await switchOver({ ...options, judgement, replicas, orders: this.#orders });
    return this.pods.find(({ ip }) => next === `${ip}:6379`) as RedisPod;
  }

  /** The only primary in `seen`. */
  primaryOf({ judgement }: TimedRedisObservation): RedisPod {
    const pod = this.pods.find(({ name }) => name === judgement.primary?.pod);
    if (!pod) throw new Error('there is no primary');
    return pod;
  }

  /** Starts all and gives the first primary. */
  async startWhole(): Promise<RedisPod> {
    await this.start();
    return this.primaryOf(await this.settle());
  }

  /** The pod that answers as a primary and that a majority of the Sentinels name, once it is one of `among`. */
  primaryAmong = (among: readonly RedisPod[]): Promise<RedisPod> =>
    eventually(
      'one of them is the primary',
      async () => {
        const { judgement } = await this.look();
        const { primary, elected } = judgement;
        return among.find(({ name, ip }) => name === primary?.pod && elected === `${ip}:6379`);
      },
      { everyMs: 100 },
    );

  async stop(): Promise<void> {
    this.#observer.stop();
    this.#probe.close();
    await Promise.all(this.pods.map(discard));
    await rm(this.#site.folder, { recursive: true, force: true });
  }

  #orders: RedisOrders = async (address, credentials, commands, tolerated) => {
    this.ordered.push(...commands.map((words) => `${address} ${words.slice(0, 3).join(' ')}`));
    return sendRedisOrders(address, credentials, commands, tolerated);
  };
}

interface LookOptions {
  missingAreEmpty?: boolean;
  only?: RedisPod[];
}

/** One primary, everybody follows, and every Sentinel knows that and every other one. */
const isWhole = ({ judgement, observation }: TimedRedisObservation): boolean =>
  judgement.primaries.length === 1 &&
  judgement.elected === judgement.primary?.address &&
  observation.nodes.every((node) => node.reachable && (node.role === 'primary' || node.linkUp)) &&
  observation.sentinels.every(
    (each) => each.reachable && each.knows === observation.expected - 1 && each.primary === judgement.elected,
  );

const discard = async (pod: RedisPod | undefined): Promise<void> => {
  await pod?.delete({ volume: 'lost' });
  await Promise.all([pod?.mounts.secret.remove(), pod?.mounts.certificates.remove()]);
};
