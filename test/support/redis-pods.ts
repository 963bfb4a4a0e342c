import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HyperpageCluster } from '@hyperpage/contract';
import { silentLogger, systemClock } from '@hyperpage/runtime';
import { REDIS_SCRIPTS } from '../../operator/src/desired/redis-scripts.ts';
import { sentinelNameOf } from '../../operator/src/desired/index.ts';
import {
  buildTopology,
  createRedisObserver,
  createRedisProbe,
  type RedisOrders,
  type RedisSite,
  sendRedisOrders,
  type TimedRedisObservation,
} from '../../operator/src/redis/index.ts';

export const PASSWORD = 'it has "quotes", \\ and spaces';

/** One pod of the Redis StatefulSet as processes: its scripts under busybox's sh, on a loopback address of its own. */
export class RedisPod {
  readonly name: string;
  readonly ip: string;
  readonly #folder: string;
  readonly #env: Record<string, string>;
  readonly #primaryName: string;
  #redis: ChildProcess | undefined;
  #sentinel: ChildProcess | undefined;

  constructor(name: string, ip: string, folder: string, primaryName: string) {
    this.name = name;
    this.ip = ip;
    this.#folder = folder;
    this.#primaryName = primaryName;
    this.#env = {
      PATH: process.env['PATH'] ?? '',
      POD_IP: ip,
      POD_NAME: name,
      PRIMARY_NAME: primaryName,
      MODE: 'Sentinel',
      PASSWORD_FILE: join(folder, 'password'),
    };
  }

  /** The pod of the same name that comes after this one, at another address. */
  successor = (ip: string): RedisPod => new RedisPod(this.name, ip, this.#folder, this.#primaryName);

  async startRedis(): Promise<void> {
    this.#redis = await this.#run('redis.sh', 'data');
  }
  async startSentinel(): Promise<void> {
    this.#sentinel = await this.#run('sentinel.sh', 'sentinel');
  }
  async start(): Promise<void> {
    await this.startRedis();
    await this.startSentinel();
  }

  /** Process 1 of the container. */
  get redisPid(): number | undefined {
    return this.#redis?.pid;
  }
  /** A file of the pod, or undefined while there is none. */
  read = (path: string): Promise<string | undefined> =>
    readFile(join(this.#folder, this.name, path), 'utf8').catch(() => undefined);

  /** Kills a container: the server and every script beside it. */
  killRedis = () => killGroup(this.#redis);
  killSentinel = () => killGroup(this.#sentinel);
  /** Deletes the pod: what is not on a volume is gone. */
  async delete(options: { volume: 'kept' | 'lost' }): Promise<void> {
    await Promise.all([this.killRedis(), this.killSentinel()]);
    await rm(join(this.#folder, this.name, 'sentinel'), { recursive: true, force: true });
    if (options.volume === 'lost')
      await rm(join(this.#folder, this.name, 'data'), { recursive: true, force: true });
  }

  async #run(script: string, data: string): Promise<ChildProcess> {
    const folder = join(this.#folder, this.name, data);
    await mkdir(folder, { recursive: true });
    return spawn('busybox', ['sh', join(this.#folder, 'scripts', script)], {
      env: { ...this.#env, DATA: folder },
      detached: true,
      stdio: process.env['HYPERPAGE_TEST_VERBOSE'] ? 'inherit' : 'ignore',
    });
  }
}

const killGroup = async (child: ChildProcess | undefined): Promise<void> => {
  if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    return;
  }
  await gone;
};

/** Three Redis pods and the part of the operator that tends them. */
export class RedisPods {
  readonly cluster: HyperpageCluster;
  readonly pods: RedisPod[];
  /** Every command that the operator sent to change something. */
  readonly ordered: string[] = [];
  readonly #folder: string;
  readonly #probe = createRedisProbe();
  readonly #observer = createRedisObserver({
    probe: this.#probe,
    clock: systemClock,
    log: silentLogger,
    intervalMs: 3_600_000,
    onChange: () => {},
  });

  private constructor(folder: string, cluster: HyperpageCluster, pods: RedisPod[]) {
    this.#folder = folder;
    this.cluster = cluster;
    this.pods = pods;
  }

  static async create(): Promise<RedisPods> {
    const folder = await mkdtemp(join(tmpdir(), 'hyperpage-redis-'));
    const net = `127.${randomInt(16, 250)}.${randomInt(1, 250)}`;
    const cluster = {
      metadata: { name: 'demo', namespace: 'demo', uid: randomUUID(), generation: 1, resourceVersion: '1' },
      spec: { redis: { mode: 'Sentinel', replicas: 3 } },
    } as unknown as HyperpageCluster;
    const names = ['demo-redis-0', 'demo-redis-1', 'demo-redis-2'];
    const pods = names.map(
      (name, i) => new RedisPod(name, `${net}.${i + 1}`, folder, sentinelNameOf(cluster)),
    );
    await mkdir(join(folder, 'scripts'));
    for (const [name, text] of Object.entries(REDIS_SCRIPTS))
      await writeFile(join(folder, 'scripts', name), text);
    await writeFile(join(folder, 'password'), PASSWORD);
    const all = new RedisPods(folder, cluster, pods);
    await all.#resolve();
    return all;
  }

  /** What the names of the pods resolve to. */
  #resolve = () =>
    writeFile(join(this.#folder, 'scripts', 'peers'), `${this.pods.map(({ ip }) => ip).join('\n')}\n`);

  /** Deletes the pod and starts its successor at an address that nobody had before. */
  async replace(index: number, options: { volume: 'kept' | 'lost' }): Promise<void> {
    const pod = this.pod(index);
    await pod.delete(options);
    const last = pod.ip.lastIndexOf('.') + 1;
    const successor = pod.successor(
      `${pod.ip.slice(0, last)}${Number(pod.ip.slice(last)) + this.pods.length}`,
    );
    this.pods[index] = successor;
    await this.#resolve();
    await successor.start();
  }

  pod(index: number): RedisPod {
    const pod = this.pods[index];
    if (!pod) throw new Error(`there is no pod ${index}`);
    return pod;
  }

  /** What the operator sees now. */
  look(options: { missingAreEmpty?: boolean; only?: RedisPod[] } = {}): Promise<TimedRedisObservation> {
    return this.#observer.look(this.#site(options));
  }

  /** One visit of the operator: look, and build when that is to be decided. */
  async visit(
    options: { missingAreEmpty?: boolean; only?: RedisPod[] } = {},
  ): Promise<TimedRedisObservation> {
    const seen = await this.look(options);
    const { decision } = seen.judgement;
    if (decision.kind !== 'build') return seen;
    await buildTopology(this.cluster, seen.observation, decision, { password: PASSWORD }, this.#orders);
    return this.look(options);
  }

  async stop(): Promise<void> {
    this.#observer.stop();
    await Promise.all(this.pods.map((pod) => pod.delete({ volume: 'lost' })));
    await rm(this.#folder, { recursive: true, force: true });
  }

  #site({ missingAreEmpty = false, only }: { missingAreEmpty?: boolean; only?: RedisPod[] }): RedisSite {
    const targets = (only ?? this.pods).map(({ name, ip }) => ({ pod: name, ip }));
    return { cluster: this.cluster, targets, missingAreEmpty, secret: PASSWORD };
  }

  #orders: RedisOrders = async (address, credentials, commands, tolerated) => {
    this.ordered.push(...commands.map((words) => `${address} ${words.slice(0, 3).join(' ')}`));
    await sendRedisOrders(address, credentials, commands, tolerated);
  };
}
