import { UNASSIGNED } from '../desired/index.ts';
import type { NodeReading, SentinelReading } from './types.ts';

/** Reads the text that `INFO` answers. */
export function readInfo(info: string): NodeReading {
  const fields = new Map<string, string>();
  for (const line of info.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const primary = fields.get('role') === 'master';
  const host = fields.get('master_host');
  const port = Number(fields.get('master_port'));
  const unassigned = !primary && host === UNASSIGNED.host && port <= UNASSIGNED.formerPrimaryPort;
  const refuses = primary ? refusalOf(fields) : undefined;
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

function refusalOf(fields: ReadonlyMap<string, string>): string | undefined {
  if (fields.get('min_slaves_good_slaves') === '0') {
    return 'no replica keeps up with it, and it acknowledges nothing that only it would have (min-replicas-to-write)';
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

/** Reads the flat list of names and values that `SENTINEL MASTER` answers. */
export function readSentinelMaster(answer: readonly string[]): SentinelReading {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < answer.length; i += 2) fields.set(answer[i] ?? '', answer[i + 1] ?? '');
  const flags = (fields.get('flags') ?? '').split(',');
  return {
    primary: `${fields.get('ip')}:${fields.get('port')}`,
    knows: Number(fields.get('num-other-sentinels') ?? 0),
    failingOver: flags.includes('failover_in_progress'),
    primaryDown: flags.includes('s_down') || flags.includes('o_down'),
  };
}
