import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { type Clock, every, type Logger } from '@hyperpage/runtime';

/** Where the other pods are. */
export interface PeerDirectory {
  /** `ip:port` of each, as DNS told last. */
  others(): readonly string[];
  /** Tells them, now and whenever they change, until the returned function is called. */
  follow(listener: (others: readonly string[]) => void): () => void;
  close(): void;
}

export interface PeerDirectoryOptions {
  /** DNS name of all pods, this one among them; or several, with commas between. */
  host: string;
  port: number;
  /** This pod's own address. */
  ownIp: string;
  clock: Clock;
  log: Logger;
  /** All addresses of a name. */
  resolve?: (host: string) => Promise<string[]>;
}

const REFRESH_MS = 2000;

export const hostAt = (ip: string, port: number): string =>
  isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;

const systemResolve = async (host: string) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/** Asks DNS again and again, apart from those who want to know: when it fails, what it said last holds. */
export function createPeerDirectory(options: PeerDirectoryOptions): PeerDirectory {
  const { host, port, ownIp, clock, log, resolve = systemResolve } = options;
  let others: readonly string[] = [];
  const listeners = new Set<(others: readonly string[]) => void>();
  let told = false;
  const refresh = async () => {
    const found = (await Promise.all(host.split(',').map(resolve))).flat();
    const before = others;
    others = found
      .filter((ip) => ip !== ownIp)
      .map((ip) => hostAt(ip, port))
      .sort();
    told = false;
    if (before.join() !== others.join()) for (const listener of listeners) listener(others);
  };
  const failed = (error: unknown) => {
    if (!told) log.warn({ host, reason: (error as Error).message }, 'the other pods cannot be looked up');
    told = true;
  };
  void refresh().catch(failed);
  const timer = every(clock, REFRESH_MS, refresh, failed);
  return {
    others: () => others,
    follow(listener) {
      listeners.add(listener);
      listener(others);
      return () => listeners.delete(listener);
    },
    close: () => timer.cancel(),
  };
}
