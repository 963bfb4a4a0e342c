import { UNASSIGNED } from '../desired/index.ts';
import type { ClientReading, NodeReading, SentinelReading } from './types.ts';

/** What `INFO` alone tells of a Redis. */
export type InfoReading = Omit<NodeReading, 'settings' | 'credentials' | 'clients'>;

/** Reads the text that `INFO` answers, of a Redis whose `min-replicas-to-write` is `minReplicas`. */
export function readInfo(info: string, minReplicas = 1): InfoReading {
  const fields = new Map<string, string>();
  for (const line of info.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const primary = fields.get('role') === 'master';
  const host = fields.get('master_host');
  const port = Number(fields.get('master_port'));
  const unassigned = !primary && host === UNASSIGNED.host && port <= UNASSIGNED.formerPrimaryPort;
  const refuses = primary ? refusalOf(fields, minReplicas) : undefined;
  return {
    role: primary ? 'primary' : unassigned ? 'unassigned' : 'replica',
    formerPrimary: unassigned && port === UNASSIGNED.formerPrimaryPort,
    ...(primary || unassigned ? {} : { follows: `${host}:${port}` }),
    linkUp: fields.get('master_link_status') === 'up',
    loading: fields.get('loading') === '1',
    keys: keysOf(fields),
    ...(refuses ? { refuses } : {}),
    connectedReplicas: Number(fields.get('connected_slaves') ?? 0),
    slowestReplicaSeconds: slowest(fields),
    offset: Number(fields.get(primary ? 'master_repl_offset' : 'slave_repl_offset') ?? 0),
    priority: Number(fields.get('slave_priority') ?? 100),
  };
}

const keysOf = (fields: ReadonlyMap<string, string>): number => {
  let keys = 0;
  for (const [name, value] of fields) {
    if (/^db\d+$/.test(name)) keys += Number(/keys=(\d+)/.exec(value)?.[1] ?? 0);
  }
  return keys;
};

const slowest = (fields: ReadonlyMap<string, string>): number => {
  const lags = [...fields]
    .filter(([name]) => /^slave\d+$/.test(name))
    .map(([, value]) => Number(/lag=(\d+)/.exec(value)?.[1] ?? 0));
  return Math.max(0, ...lags);
};

function refusalOf(fields: ReadonlyMap<string, string>, minReplicas: number): string | undefined {
  // Only there when it counts them at all.
  const good = fields.get('min_slaves_good_slaves');
  if (good !== undefined && Number(good) < minReplicas) {
    const who = good === '0' ? 'no replica keeps' : `only ${good} of ${minReplicas} replicas keep`;
    return `${who} up with it, and it acknowledges nothing that fewer would have (min-replicas-to-write)`;
  }
  const limit = Number(fields.get('maxmemory') ?? 0);
  if (
    limit > 0 &&
    Number(fields.get('used_memory') ?? 0) > limit &&
    fields.get('maxmemory_policy') === 'noeviction'
  ) {
    return 'its memory is full: raise redis.maxMemory';
  }
  if (fields.get('aof_last_write_status') === 'err') return 'it cannot write to its disk: look at the volume';
  return undefined;
}

/** Reads names and values, as RESP2 (a flat list) or RESP3 (a map) gives them. */
export function readPairs(answer: unknown): Map<string, unknown> {
  if (answer instanceof Map) return new Map([...answer].map(([name, value]) => [String(name), value]));
  if (!Array.isArray(answer)) return new Map(Object.entries(answer ?? {}));
  const pairs = new Map<string, unknown>();
  for (let i = 0; i + 1 < answer.length; i += 2) pairs.set(String(answer[i]), answer[i + 1]);
  return pairs;
}

/** What `CONFIG GET` answers. */
export const readSettings = (answer: unknown): Record<string, string> =>
  Object.fromEntries([...readPairs(answer)].map(([name, value]) => [name, String(value)]));

/** The passwords that `ACL GETUSER` tells of, as SHA-256 in hexadecimal. */
export function readAccepted(answer: unknown): string[] {
  const passwords = readPairs(answer).get('passwords');
  return Array.isArray(passwords) ? passwords.map(String).sort() : [];
}

/** Names of the connections that sidecars open (sidecar/src/redis), with the generation of their password. */
const SIDECAR_CONNECTION = /^hyperpage-(?:commands|writes|subscriber|failovers)(?:@(\d+))?$/;

/** The sidecars' connections in what `CLIENT LIST` answers. */
export function readClients(list: string): ClientReading {
  const generations = new Map<string, { ip: string; generation: number }>();
  for (const line of list.split('\n')) {
    const fields = new Map(line.split(' ').map((field) => split(field, '=')));
    const name = SIDECAR_CONNECTION.exec(fields.get('name') ?? '');
    if (!name) continue;
    const address = fields.get('addr') ?? '';
    const ip = address.slice(0, address.lastIndexOf(':'));
    const generation = Number(name[1] ?? 0);
    generations.set(`${ip} ${generation}`, { ip, generation });
  }
  return { generations: [...generations.values()] };
}

const split = (text: string, at: string): [string, string] => {
  const index = text.indexOf(at);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
};

/** What Sentinel alone tells, but for its passwords. */
export type SentinelInfo = Omit<SentinelReading, 'credentials' | 'clients' | 'replicas'>;

/** A Sentinel that watches nothing. */
export const WATCHES_NOTHING: SentinelInfo = { knows: 0, failingOver: false, primaryDown: false, quorum: 0 };

/** Reads what `SENTINEL MASTER` answers. */
export function readSentinelMaster(answer: unknown): SentinelInfo {
  const fields = readPairs(answer);
  const flags = flagsOf(fields);
  return {
    primary: `${String(fields.get('ip'))}:${String(fields.get('port'))}`,
    knows: Number(fields.get('num-other-sentinels') ?? 0),
    failingOver: flags.includes('failover_in_progress'),
    primaryDown: isDown(flags),
    quorum: Number(fields.get('quorum') ?? 0),
  };
}

/** Reads what `SENTINEL REPLICAS` answers. */
export function readSentinelReplicas(answer: unknown): SentinelReading['replicas'] {
  if (!Array.isArray(answer)) return [];
  return answer
    .map((each: unknown) => {
      const fields = readPairs(each);
      const flags = flagsOf(fields);
      return {
        address: `${String(fields.get('ip'))}:${String(fields.get('port'))}`,
        down: isDown(flags) || flags.includes('disconnected'),
        priority: Number(fields.get('slave-priority') ?? 100),
      };
    })
    .sort((a, b) => (a.address < b.address ? -1 : 1));
}

const flagsOf = (fields: ReadonlyMap<string, unknown>): string[] => text(fields.get('flags')).split(',');
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const isDown = (flags: readonly string[]) => flags.includes('s_down') || flags.includes('o_down');
