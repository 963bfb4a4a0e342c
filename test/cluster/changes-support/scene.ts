import {
  API_VERSION,
  type Condition,
  type ConditionType,
  type HyperpageCluster,
  IMAGES,
  KIND,
  PORTS,
  redisPodName,
} from '@hyperpage/contract';
import { until } from '../../../dev/demo/tour.ts';
import type { Ground } from '../support/ground.ts';
import { Journal } from './journal.ts';

export const SETTLED_WITHIN_MS = 240_000;

type Spec = Record<string, unknown>;

/** What the tests give besides: as small as it can be for a machine with two cores. */
const SMALL: Spec = {
  sidecar: { resources: { requests: { cpu: '25m', memory: '48Mi' }, limits: { memory: '256Mi' } } },
  leaderElection: { timeoutMs: 6000, heartbeatIntervalMs: 2000 },
  sessions: { secureCookie: false },
};
const SMALL_REDIS: Spec = {
  resources: { requests: { cpu: '25m', memory: '32Mi' }, limits: { memory: '256Mi' } },
};

/** One HyperpageCluster, in a namespace of its own name. */
export interface Scene {
  ground: Ground;
  namespace: string;
  name: string;
  /** What the API server has shown of it. */
  journal: Journal;
  /** Runs kubectl in the namespace. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  get<T>(...args: string[]): Promise<T>;
  cluster(): Promise<HyperpageCluster>;
  condition(type: ConditionType): Promise<Condition | undefined>;
  /** Waits for a condition to have this reason, and gives it. */
  reason(type: ConditionType, reason: string, withinMs?: number): Promise<Condition>;
  /** Makes the HyperpageCluster; `redis` is `spec.redis`. */
  create(redis: Spec, more?: { appPods?: number; spec?: Spec }): Promise<void>;
  /** Merges into `spec.redis`. */
  change(redis: Spec): Promise<void>;
  /** Makes or replaces a Secret. */
  secret(name: string, values: Readonly<Record<string, string>>): Promise<void>;
  /** Waits until the operator has seen the latest spec, and all of it is there and at rest. */
  settled(withinMs?: number): Promise<void>;
  primary(): Promise<string>;
  /** Gives Redis or Sentinel commands in its pod, a line each, with the password that is mounted or with `password`. */
  redis(pod: string, commands: string, options?: { password?: string; sentinel?: boolean }): Promise<string>;
  close(): void;
}

/** Makes the namespace, with nothing in it yet. */
export async function createScene(ground: Ground, namespace: string, name = 'demo'): Promise<Scene> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } };
  await ground.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
  const journal = new Journal(ground.program, namespace, name);
  const kubectl: Scene['kubectl'] = (args, input) =>
    ground.kubectl(['-n', namespace, ...args], { timeoutMs: 200_000, ...(input ? { input } : {}) });
  const get: Scene['get'] = (...args) => ground.kubectl.json(['-n', namespace, 'get', ...args]);
  const cluster = () => get<HyperpageCluster>('hyperpagecluster', name);
  const condition: Scene['condition'] = async (type) =>
    (await cluster()).status?.conditions?.find((one) => one.type === type);
  const apply = (made: unknown) => kubectl(['apply', '-f', '-'], JSON.stringify(made));
  return {
    ground,
    namespace,
    name,
    journal,
    kubectl,
    get,
    cluster,
    condition,
    reason: (type, reason, withinMs = SETTLED_WITHIN_MS) =>
      until(`${type}=${reason} in ${namespace}`, withinMs, async () => {
        const found = await condition(type);
        return found?.reason === reason ? found : undefined;
      }),
    create: async (redis, { appPods = 1, spec = {} } = {}) => {
      const external = redis['mode'] === 'External';
      const resources = { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } };
      const app = { image: IMAGES.example, replicas: appPods, resources };
      await apply({
        apiVersion: API_VERSION,
        kind: KIND,
        metadata: { name, namespace },
        spec: { app, ...SMALL, ...spec, redis: { ...(external ? {} : SMALL_REDIS), ...redis } },
      });
    },
    change: async (redis) => {
      const patch = JSON.stringify({ spec: { redis } });
      await kubectl(['patch', 'hyperpagecluster', name, '--type=merge', '-p', patch]);
    },
    secret: async (secret, stringData) => {
      await apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: secret }, stringData });
    },
    settled: (withinMs = SETTLED_WITHIN_MS) => settled(cluster, `${namespace}/${name}`, withinMs),
    primary: () =>
      until('a primary in the status', 30_000, async () => (await cluster()).status?.redis?.primary),
    redis: async (pod, commands, { password, sentinel = false } = {}) => {
      const port = sentinel ? PORTS.sentinel : PORTS.redis;
      const file = '/run/secrets/hyperpage/redis/password';
      // A password is no argument: neither here nor in the pod.
      const from = password === undefined ? `$(cat ${file})` : '$(head -n 1)';
      const tls = '$([ "${TLS:-}" != yes ] || echo --tls --insecure)';
      const script = `export REDISCLI_AUTH=${from}; exec redis-cli -h "$POD_IP" -p ${port} ${tls}`;
      // `head` may read more than its line: so the commands stand in the script.
      const asked = `${script} <<'END'\n${commands}\nEND`;
      const exec = ['exec', '-i', pod, '-c', 'redis', '--', 'sh', '-c', asked];
      return (await kubectl(exec, `${password ?? ''}\n`)).trim();
    },
    close: () => journal.close(),
  };
}

async function settled(
  cluster: () => Promise<HyperpageCluster>,
  name: string,
  withinMs: number,
): Promise<void> {
  let last: unknown;
  try {
    await until(`${name} at rest`, withinMs, async () => {
      const { metadata, status } = await cluster();
      const conditions = status?.conditions ?? [];
      last = conditions
        .filter(({ type }) => ['Ready', 'Progressing', 'Degraded', 'Stalled'].includes(type))
        .map(({ type, status: is, reason, message }) => `${type} ${is} ${reason}: ${message}`);
      const is = (type: string) => conditions.find((one) => one.type === type)?.status;
      const rests = is('Ready') === 'True' && is('Progressing') === 'False' && is('Degraded') === 'False';
      return (status?.observedGeneration === metadata.generation && rests) || undefined;
    });
  } catch (error) {
    throw new Error(`${String(error)}: ${JSON.stringify(last)}`, { cause: error });
  }
}

/** Names of `count` Redis pods. */
export const redisPods = ({ name }: Scene, count = 3): string[] =>
  Array.from({ length: count }, (_, ordinal) => redisPodName(name, ordinal));

/** What makes a Redis pod another one: its UID, and restarts of its containers. */
export async function incarnations(scene: Scene, count = 3): Promise<Record<string, string>> {
  type Pod = {
    metadata: { name: string; uid: string };
    status: { containerStatuses: Array<{ restartCount: number }> };
  };
  const pods = redisPods(scene, count);
  // Asked for one name, kubectl gives no list.
  const { items } = await scene.get<{ items: Pod[] }>('pods');
  const ours = items.filter(({ metadata }) => pods.includes(metadata.name));
  return Object.fromEntries(
    ours.map(({ metadata, status }) => [
      metadata.name,
      `${metadata.uid} ${status.containerStatuses.map(({ restartCount }) => restartCount).join(' ')}`,
    ]),
  );
}

/** What every Redis of `pods` says `directive` is. */
export const settingsOf = async (
  scene: Scene,
  directive: string,
  pods: readonly string[],
): Promise<string[]> =>
  Promise.all(
    pods.map(async (pod) => (await scene.redis(pod, `config get ${directive}`)).split('\n')[1] ?? ''),
  );

/** One field of what the Sentinel in `pod` says of the primary. */
export async function sentinelSays(scene: Scene, pod: string, field: string): Promise<string> {
  const { metadata } = await scene.cluster();
  const lines = (
    await scene.redis(pod, `sentinel master hyperpage-${metadata.uid}`, { sentinel: true })
  ).split('\n');
  return lines[lines.indexOf(field) + 1] ?? '';
}

/** Waits for a look that gives `wanted`, and fails with what it gave last. */
export async function becomes<T>(what: string, look: () => Promise<T>, wanted: T, withinMs = 60_000) {
  let last: T | undefined;
  await until(what, withinMs, async () => {
    last = await look();
    return JSON.stringify(last) === JSON.stringify(wanted) || undefined;
  }).catch(() => {});
  expect({ what, is: last }).toEqual({ what, is: wanted });
}
