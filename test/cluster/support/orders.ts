import { PORTS, redisPodName } from '@hyperpage/contract';
import type { Ground } from './ground.ts';

/** Commands that change a topology or a setting, as `INFO commandstats` names them. What only reads is not here: the
 *  pods' own scripts, their probes, Sentinel and the operator look all the time. */
const ORDERS = new Set([
  'replicaof',
  'slaveof',
  'failover',
  'shutdown',
  'debug',
  'flushall',
  'flushdb',
  'config|set',
  'config|rewrite',
  'config|resetstat',
  'acl|setuser',
  'acl|deluser',
  'acl|load',
]);

/** What the servers of one pod have recorded of the orders that they were given. */
export interface Recorded {
  pod: string;
  /** Redis's process: it counts from 0 after a restart. */
  run: string;
  /** Calls of each order since it runs. */
  calls: Record<string, number>;
  /** Redis's and Sentinel's configuration files, with when they were written last. Sentinel counts no commands; but it
   *  writes its file again at every SENTINEL SET, MONITOR, REMOVE, RESET and FAILOVER. */
  files: string;
}

const LOOK = `export REDISCLI_AUTH=$(cat /run/secrets/hyperpage/redis/password)
redis-cli -h "$POD_IP" -p ${PORTS.redis} info server commandstats`;
const FILE = (name: string) => `stat -c '%n %y %s' /data/${name}; sha256sum /data/${name}`;

/** Asks the servers of every Redis pod. */
export async function recordedOrders(
  { kubectl }: Pick<Ground, 'kubectl'>,
  cluster: string,
): Promise<Recorded[]> {
  const inPod = (pod: string, container: string, script: string) =>
    kubectl(['-n', cluster, 'exec', pod, '-c', container, '--', 'sh', '-c', script]);
  return Promise.all(
    [0, 1, 2].map(async (ordinal) => {
      const pod = redisPodName(cluster, ordinal);
      const info = await inPod(pod, 'redis', `${LOOK}; ${FILE('redis.conf')}`);
      const sentinel = await inPod(pod, 'sentinel', FILE('sentinel.conf'));
      return { pod, ...readRecorded(info), files: `${filesOf(info)}\n${filesOf(sentinel)}` };
    }),
  );
}

/** Reads `INFO server commandstats`. */
export function readRecorded(info: string): Pick<Recorded, 'run' | 'calls'> {
  const calls: Record<string, number> = {};
  for (const [, command = '', count] of info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm))
    if (ORDERS.has(command)) calls[command] = Number(count);
  return { run: /^run_id:(\w+)/m.exec(info)?.[1] ?? '', calls };
}

const filesOf = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.includes('/data/'))
    .join('\n');

/** Writes that the API server has been asked for since it runs, by kind of object: also those that changed nothing. */
export async function apiWrites({ kubectl }: Pick<Ground, 'kubectl'>): Promise<Map<string, number>> {
  const text = await kubectl(['get', '--raw', '/metrics']);
  const found = new Map<string, number>();
  for (const [, labels = '', count] of text.matchAll(/^apiserver_request_total\{(.*)\} (\S+)$/gm)) {
    const label = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const verb = label('verb');
    if (!['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE', 'DELETECOLLECTION'].includes(verb)) continue;
    const subresource = label('subresource');
    const kind = `${verb} ${label('resource')}${subresource ? `/${subresource}` : ''}`;
    found.set(kind, (found.get(kind) ?? 0) + Number(count));
  }
  return found;
}

/** Kinds whose count has grown, without those that Kubernetes itself and the election of leaders write all the time. */
export function unexpectedWrites(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): string[] {
  const expected =
    /leases$|events$|nodes$|nodes\/status$|reviews$|serviceaccounts\/token$|pods\/(exec|portforward)$|horizontalpodautoscalers\/status$/;
  return [...after]
    .filter(([kind, count]) => count > (before.get(kind) ?? 0) && !expected.test(kind))
    .map(([kind, count]) => `${count - (before.get(kind) ?? 0)} × ${kind}`);
}
