import { setTimeout as sleep } from 'node:timers/promises';
import type { Address, Connection } from './connection.ts';
import type { PrimarySeen } from './messages.ts';

export interface ObserverOptions {
  servers: () => Promise<Address[]>;
  open: (address: Address) => Promise<Connection>;
  seen: (primary: Omit<PrimarySeen, 'fromMs' | 'toMs'>) => void;
}

const ASK_EVERY_MS = 200;
const LOOK_EVERY_MS = 2_000;
/** How long an address that nobody names any more is asked on: a primary that was cut off may still be there. */
const FORGET_AFTER_MS = 120_000;

/** Asks every Redis that it ever heard of, several times a second, whether it is a primary that would take a write. */
export async function observe(options: ObserverOptions): Promise<never> {
  const namedMs = new Map<string, number>();
  for (;;) {
    for (const address of await options.servers().catch(() => [])) {
      const key = `${address.host}:${address.port}`;
      const known = namedMs.has(key);
      namedMs.set(key, Date.now());
      if (!known) void watch(address, options, () => stillNamed(namedMs, key));
    }
    await sleep(LOOK_EVERY_MS);
  }
}

function stillNamed(namedMs: Map<string, number>, key: string): boolean {
  if (Date.now() - (namedMs.get(key) ?? 0) < FORGET_AFTER_MS) return true;
  namedMs.delete(key);
  return false;
}

async function watch(address: Address, options: ObserverOptions, wanted: () => boolean): Promise<void> {
  let connection: Connection | undefined;
  while (wanted()) {
    try {
      connection = connection?.open ? connection : await options.open(address);
      // INFO last: what is told is as fresh as its answer.
      const config = await connection.call(['CONFIG', 'GET', 'min-replicas-to-write']);
      const info = await connection.call(['INFO', 'server', 'persistence', 'replication']);
      const state = readState(String(info), config);
      if (state) options.seen({ address: `${address.host}:${address.port}`, ...state });
    } catch {
      connection?.close();
    }
    await sleep(ASK_EVERY_MS);
  }
  connection?.close();
}

/** What an INFO says of a primary; undefined for a replica. */
export function readState(
  info: string,
  config: unknown,
): Pick<PrimarySeen, 'runId' | 'writable' | 'goodReplicas'> | undefined {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  if (field('role') !== 'master') return undefined;
  const needed = Array.isArray(config) ? Number(config[1] ?? 0) : 0;
  // Redis counts only while it needs some.
  const goodReplicas = Number(field('min_slaves_good_slaves') ?? field('connected_slaves') ?? 0);
  return {
    runId: field('run_id') ?? '',
    writable: field('loading') !== '1' && goodReplicas >= needed,
    goodReplicas,
  };
}
