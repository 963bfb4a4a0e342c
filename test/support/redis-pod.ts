import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { dial, endpoint } from '../../operator/src/redis/dial.ts';
import type { Credentials } from '../../operator/src/redis/index.ts';
import { eventually } from './eventually.ts';
import type { PodMounts } from './redis-pod-mounts.ts';

type Words = [string, ...string[]];

/** What the pods of one cluster share. */
export interface RedisSite {
  readonly folder: string;
  readonly primaryName: string;
  readonly mode: 'Standalone' | 'Sentinel';
  readonly tls: boolean;
  /** As the operator speaks with the servers now. */
  credentials(): Credentials;
}

/** One pod of the Redis StatefulSet as processes: its scripts under busybox's sh, on a loopback address of its own. */
export class RedisPod {
  readonly name: string;
  readonly ip: string;
  readonly mounts: PodMounts;
  readonly #site: RedisSite;
  #redis: ChildProcess | undefined;
  #sentinel: ChildProcess | undefined;

  constructor(name: string, ip: string, site: RedisSite, mounts: PodMounts) {
    this.name = name;
    this.ip = ip;
    this.mounts = mounts;
    this.#site = site;
  }

  /** The pod of the same name that comes after this one. */
  successor = ({ ip = this.ip, mode = this.#site.mode }: { ip?: string; mode?: RedisSite['mode'] } = {}) =>
    new RedisPod(this.name, ip, { ...this.#site, mode }, this.mounts);

  async startRedis(): Promise<void> {
    this.#redis = await this.#run('redis.sh', 'data');
  }
  async startSentinel(): Promise<void> {
    this.#sentinel = await this.#run('sentinel.sh', 'sentinel');
  }
  async start(): Promise<void> {
    await this.startRedis();
    if (this.#site.mode === 'Sentinel') await this.startSentinel();
  }

  /** Process 1 of the containers. */
  get redisPid(): number | undefined {
    return this.#redis?.pid;
  }
  get sentinelPid(): number | undefined {
    return this.#sentinel?.pid;
  }
  /** A file of the pod, or undefined while there is none. */
  read = (path: string): Promise<string | undefined> =>
    readFile(join(this.#site.folder, this.name, path), 'utf8').catch(() => undefined);

  /** Kills a container: the server and every script beside it. */
  killRedis = () => killGroup(this.#redis);
  killSentinel = () => killGroup(this.#sentinel);
  /** Deletes the pod: what is not on a volume is gone. */
  async delete(options: { volume: 'kept' | 'lost' }): Promise<void> {
    await Promise.all([this.killRedis(), this.killSentinel()]);
    await rm(join(this.#site.folder, this.name, 'sentinel'), { recursive: true, force: true });
    if (options.volume === 'lost')
      await rm(join(this.#site.folder, this.name, 'data'), { recursive: true, force: true });
  }

  /** A connection, as the operator opens it. */
  connect = (port = 6379, credentials = this.#site.credentials()): Redis => {
    const options = { ...endpoint(`${this.ip}:${port}`, credentials), commandTimeout: 5000 };
    return dial({ ...options, lazyConnect: false, enableOfflineQueue: true });
  };
  /** One command to its Redis or its Sentinel. */
  redis = (...words: Words) => this.#command(6379, words);
  sentinel = (...words: Words) => this.#command(26379, words);
  /** The probe that kubelet runs in the Redis container: true when it succeeds. */
  async probe(what: 'live' | 'ready'): Promise<boolean> {
    const [code] = await once(await this.#run('probe.sh', 'data', [what]), 'exit');
    return code === 0;
  }
  /** A field of INFO replication. */
  async replication(field: string): Promise<string | undefined> {
    const info = String(await this.redis('INFO', 'replication'));
    return new RegExp(`^${field}:(.*)\r$`, 'm').exec(info)?.[1];
  }
  /** Stops redis-server as if it hung; gives what lets it go on. */
  async hang(): Promise<() => void> {
    const info = String(await this.redis('INFO', 'server'));
    const pid = Number(/process_id:(\d+)/.exec(info)?.[1]);
    process.kill(pid, 'SIGSTOP');
    return () => process.kill(pid, 'SIGCONT');
  }
  /** What it takes for passwords, as SHA-256 in hexadecimal. */
  async accepted(port: 6379 | 26379): Promise<string[]> {
    const user = (await this.#command(port, ['ACL', 'GETUSER', 'default'])) as unknown[];
    return [...(user[user.indexOf('passwords') + 1] as string[])].sort();
  }
  /** A write that so many replicas have as well. */
  writeSafely = (key: string, value: string, replicas = 2) =>
    eventually(`${key} is on ${replicas} replicas`, async () => {
      const client = this.connect();
      try {
        await client.set(key, value);
        return (await client.call('WAIT', String(replicas), '2000')) === replicas;
      } catch {
        return false;
      } finally {
        client.disconnect();
      }
    });

  async #command(port: number, words: Words): Promise<unknown> {
    const client = this.connect(port);
    try {
      return await client.call(...words);
    } finally {
      client.disconnect();
    }
  }

  async #run(script: string, data: string, words: string[] = []): Promise<ChildProcess> {
    const { folder, primaryName, mode, tls } = this.#site;
    const dataFolder = join(folder, this.name, data);
    await mkdir(dataFolder, { recursive: true });
    return spawn('busybox', ['sh', join(folder, 'scripts', script), ...words], {
      env: {
        PATH: process.env['PATH'] ?? '',
        POD_IP: this.ip,
        POD_NAME: this.name,
        PRIMARY_NAME: primaryName,
        MODE: mode,
        PASSWORD_FILE: this.mounts.secret.path('password'),
        ...(tls ? { TLS: 'yes', TLS_DIR: this.mounts.certificates.folder } : {}),
        DATA: dataFolder,
      },
      detached: true,
      stdio: process.env['HYPERPAGE_TEST_VERBOSE'] ? 'inherit' : 'ignore',
    });
  }
}

/** Also what a process 1 left behind that ended by itself: in a container that would be gone as well. */
const killGroup = async (child: ChildProcess | undefined): Promise<void> => {
  if (!child?.pid) return;
  const ended = child.exitCode !== null || child.signalCode !== null;
  const gone = ended ? undefined : once(child, 'exit');
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    return;
  }
  await gone;
};
