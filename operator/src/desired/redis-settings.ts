import { type HyperpageCluster, START_DIRECTIVES } from '@hyperpage/contract';

/** Replicas that must be there for a primary to take a write, and that must hold a session before it is acknowledged:
 *  with the primary they are a majority, so that no partition can acknowledge what another one knows nothing of. */
export const majorityReplicasOf = (redisPods: number): number => Math.floor(redisPods / 2);

/** Directives of redis.conf as the spec has them, beside those that scripts/redis.sh writes by itself. */
export function redisSettings(cluster: HyperpageCluster): Record<string, string> {
  const { mode, replicas, storage, maxMemory, config } = cluster.spec.redis;
  return {
    maxmemory: maxMemory ?? '0',
    appendfsync: storage?.fsync === 'Always' ? 'always' : 'everysec',
    ...(mode === 'Sentinel' ? replication(replicas) : {}),
    ...config,
  };
}

const replication = (redisPods: number) => ({
  'min-replicas-to-write': String(majorityReplicasOf(redisPods)),
  'min-replicas-max-lag': '10',
  // A connection that a partition left silent is made anew: TCP alone, which tries at ever longer intervals, would
  // leave a primary without replicas for as long again as the partition lasted.
  'repl-timeout': '10',
  'repl-ping-replica-period': '2',
});

/** Those that Redis takes live, as the operator sets them. */
export const liveSettings = (cluster: HyperpageCluster): Record<string, string> =>
  Object.fromEntries(Object.entries(redisSettings(cluster)).filter(([name]) => !isStartDirective(name)));

/** Those that only a restart brings, as text; undefined when there are none. */
export function startSettings(cluster: HyperpageCluster): string | undefined {
  const lines = Object.entries(cluster.spec.redis.config ?? {}).filter(([name]) => isStartDirective(name));
  return lines.length === 0 ? undefined : lines.map(lineOf).sort().join('; ');
}

/** All of them as lines of redis.conf. */
export const settingsFile = (cluster: HyperpageCluster): string =>
  Object.entries(redisSettings(cluster))
    .map((setting) => `${lineOf(setting)}\n`)
    .join('');

const isStartDirective = (name: string) => START_DIRECTIVES.includes(name);
const lineOf = ([name, value]: [string, string]) => `${name} ${value === '' ? '""' : value}`;
