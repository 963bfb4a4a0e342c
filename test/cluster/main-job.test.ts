/** The main job on real pods: one HyperpageCluster, and what its app gets. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HyperpageCluster, LeaderView, MembersView, SessionAnswer } from '@hyperpage/contract';
import { PORTS } from '@hyperpage/contract';
import { terminalProgress } from '../../dev/cluster/progress.ts';
import { openCluster } from '../../dev/cluster/provider.ts';
import { podSidecar } from '../../dev/demo/sidecar.ts';
import { leaderOf, readyPods, type Tour, until, watchConditions } from '../../dev/demo/tour.ts';
import { type Installed, install, ROOT } from '../../dev/install.ts';

const NAMESPACE = 'main-job';
const CLUSTER = 'demo';

let installed: Installed;
let tour: Tour;
let wasUp: boolean;
const kubectl = (...args: string[]) => installed.kubectl(['-n', NAMESPACE, ...args]);
const get = <T>(...args: string[]) => installed.kubectl.json<T>(['-n', NAMESPACE, 'get', ...args]);
const cluster = () => get<HyperpageCluster>('hyperpagecluster', CLUSTER);
const conditionOf = async (type: string) =>
  (await cluster()).status?.conditions?.find((one) => one.type === type);
const pods = async (atLeast = 3) =>
  await until(`${atLeast} ready app pods`, 180_000, async () => {
    const names = await readyPods(tour);
    return names.length >= atLeast ? names : undefined;
  });
const sidecar = (pod: string) => podSidecar(installed.kubectl, NAMESPACE, pod);

const sample = () =>
  readFileSync(join(ROOT, 'manifests/samples/demo.yaml'), 'utf8').replaceAll(
    /(namespace|name): demo\b/g,
    (whole, key: string, at: number, text: string) => {
      const inNamespace =
        key === 'namespace' ||
        /kind: Namespace\s*\nmetadata:\s*\n\s*$/.test(text.slice(Math.max(0, at - 60), at));
      return inNamespace ? `${key}: ${NAMESPACE}` : whole;
    },
  );

beforeAll(async () => {
  const progress = terminalProgress();
  const before = await openCluster({ progress });
  wasUp = await before.status().then(
    () => true,
    () => false,
  );
  installed = await install({ nodes: 3, progress });
  tour = {
    kubectl: installed.kubectl,
    namespace: NAMESPACE,
    cluster: CLUSTER,
    say: (line) => process.stdout.write(`  ${line}\n`),
  };
  await installed.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout=120s'], {
    timeoutMs: 130_000,
  });
  await installed.kubectl(['apply', '-f', '-'], { input: sample() });
  await watchConditions(tour, 300_000);
});

afterAll(async () => {
  if (!installed) return;
  if (wasUp)
    await installed.kubectl(['delete', 'namespace', NAMESPACE, '--wait=false', '--ignore-not-found']);
  else await installed.cluster.down();
});

test('one HyperpageCluster becomes Ready, and its status names the leader and the Redis primary', async () => {
  const { status } = await cluster();
  expect(status?.leader?.pod).toMatch(/^demo-/);
  expect(status?.leader?.term).toBeGreaterThanOrEqual(1);
  expect(status?.redis?.primary).toMatch(/^demo-redis-\d$/);
  const table = await kubectl('get', 'hpc', CLUSTER);
  expect(table).toMatch(/NAME\s+READY\s+REPLICAS\s+LEADER\s+REDIS\s+AGE/);
  expect(table).toMatch(/demo\s+True\s+\d\s+demo-\S+\s+\S+/);
});

test.each([
  'deployment',
  'service',
  'hpa',
  'pdb',
  'statefulset',
  'lease',
  'networkpolicy',
  'secret',
  'configmap',
  'serviceaccount',
  'role',
  'rolebinding',
])('the operator makes a %s, owned by the HyperpageCluster', async (kind) => {
  const { metadata } = await cluster();
  const { items } = await get<{ items: Array<{ metadata: { ownerReferences?: Array<{ uid: string }> } }> }>(
    kind,
  );
  const owned = items.filter((item) =>
    item.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid),
  );
  expect(owned.length).toBeGreaterThan(0);
});

test('every pod knows the same leader and the same members, and exactly one leads', async () => {
  const names = await pods();
  const views = await Promise.all(names.map((pod) => sidecar(pod).call<LeaderView>('GET', '/v1/leader')));
  expect(new Set(views.map(({ leader }) => leader)).size).toBe(1);
  expect(views.filter(({ isLeader }) => isLeader)).toHaveLength(1);
  expect((await leaderOf(tour))?.pod).toBe(views[0]?.leader);
  await until('each pod knowing every member', 30_000, async () => {
    const seen = await Promise.all(names.map((pod) => sidecar(pod).call<MembersView>('GET', '/v1/members')));
    return (
      seen.every(({ members }) => names.every((name) => members.some(({ podId }) => podId === name))) ||
      undefined
    );
  });
});

test("a sidecar's API answers its own pod only", async () => {
  const [first, second] = await pods();
  const { status } = await get<{ status: { podIP: string } }>('pod', second as string);
  const reach = (port: number) =>
    kubectl(
      'exec',
      first as string,
      '-c',
      'app',
      '--',
      'node',
      '-e',
      `fetch('http://${status.podIP}:${port}/healthz').then((a) => console.log(a.status), (e) => console.log(e.cause.code))`,
    );
  expect((await reach(PORTS.sidecar)).trim()).toBe('ECONNREFUSED');
  expect((await reach(PORTS.sidecarPod)).trim()).toBe('200');
});

test('a message sent in one pod is received in all', async () => {
  const names = await pods();
  const receivers = names.map((pod) => sidecar(pod).receive('cluster_test', 30_000));
  await Promise.all(receivers.map(({ listening }) => listening));
  await sidecar(names[0] as string).call('POST', '/v1/messages', { type: 'cluster_test', payload: { n: 1 } });
  expect(await Promise.all(receivers.map(({ payload }) => payload))).toEqual(names.map(() => ({ n: 1 })));
});

test("when the leader's pod is deleted another one leads with a higher term, the status names it, and no session is lost", async () => {
  const names = await pods();
  const before = await until('a leader in the status', 30_000, () => leaderOf(tour));
  const writer = sidecar(before.pod);
  const { sessionId } = await writer.call<SessionAnswer>('GET', '/api/sessions');
  await writer.call('POST', '/api/sessions', { sessionId, updates: { preferences: { theme: 'dark' } } });
  await kubectl('delete', 'pod', before.pod, '--wait=false');
  const after = await until('another leader in the status', 90_000, async () => {
    const leader = await leaderOf(tour);
    return leader && leader.pod !== before.pod ? leader : undefined;
  });
  expect(after.term).toBeGreaterThan(before.term);
  const survivor = names.find((name) => name !== before.pod) as string;
  const view = await sidecar(survivor).call<LeaderView>('GET', '/v1/leader');
  expect(view.leader).toBe(after.pod);
  const { session } = await sidecar(survivor).call<SessionAnswer>(
    'GET',
    `/api/sessions?sessionId=${sessionId}`,
  );
  expect(session.preferences.theme).toBe('dark');
  await pods();
});

test("when the Redis primary's pod is deleted another one becomes primary, and no acknowledged session is lost", async () => {
  const [pod] = await pods();
  const { sessionId } = await sidecar(pod as string).call<SessionAnswer>('GET', '/api/sessions');
  await sidecar(pod as string).call('POST', '/api/sessions', {
    sessionId,
    updates: { preferences: { language: 'de' } },
  });
  const before = (await cluster()).status?.redis?.primary as string;
  await kubectl('delete', 'pod', before, '--wait=false');
  const primary = await until('another primary in the status', 120_000, async () => {
    const status = (await cluster()).status;
    const writable = status?.conditions?.some(
      ({ type, status: s }) => type === 'RedisAvailable' && s === 'True',
    );
    return writable && status?.redis?.primary !== undefined && status.redis.primary !== before
      ? status.redis.primary
      : undefined;
  });
  expect(primary).toMatch(/^demo-redis-\d$/);
  const { session } = await until('the session to be readable', 60_000, () =>
    sidecar(pod as string).call<SessionAnswer>('GET', `/api/sessions?sessionId=${sessionId}`),
  );
  expect(session.preferences.language).toBe('de');
  await until('full redundancy again', 180_000, async () =>
    (await conditionOf('Degraded'))?.status === 'False' ? true : undefined,
  );
});

test('the HPA sees a CPU figure', async () => {
  await until('a CPU figure', 120_000, async () => {
    const hpa = await get<{
      status: { currentMetrics?: Array<{ resource?: { current: { averageUtilization?: number } } }> };
    }>('hpa', CLUSTER);
    return hpa.status.currentMetrics?.[0]?.resource?.current.averageUtilization === undefined
      ? undefined
      : true;
  });
  await until('AutoscalingActive', 60_000, async () =>
    (await conditionOf('AutoscalingActive'))?.status === 'True' ? true : undefined,
  );
});

test('an owned object that somebody deletes comes back', async () => {
  await kubectl('delete', 'service', CLUSTER);
  await until('the Service', 30_000, () => get('service', CLUSTER));
});

test('a HyperpageCluster that breaks a rule is refused with what to write instead', async () => {
  await expect(
    kubectl('patch', 'hpc', CLUSTER, '--type=merge', '-p', '{"spec":{"autoscaling":{"min":9,"max":4}}}'),
  ).rejects.toThrow(/lower min or raise max/);
});

test('no container of ours runs as root, can write its root filesystem or keeps a capability', async () => {
  type Container = {
    name: string;
    securityContext?: {
      readOnlyRootFilesystem?: boolean;
      allowPrivilegeEscalation?: boolean;
      capabilities?: { drop?: string[] };
    };
  };
  const { items } = await get<{
    items: Array<{
      metadata: { name: string };
      spec: {
        securityContext?: { runAsNonRoot?: boolean; seccompProfile?: { type: string } };
        containers: Container[];
        initContainers?: Container[];
      };
    }>;
  }>('pods');
  expect(items.length).toBeGreaterThanOrEqual(6);
  for (const { spec } of items) {
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const { securityContext } of [...spec.containers, ...(spec.initContainers ?? [])]) {
      expect(securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      });
    }
  }
});

test('deleting the HyperpageCluster deletes all that was made for it', async () => {
  await kubectl('delete', 'hpc', CLUSTER, '--timeout=60s');
  await until('nothing left', 120_000, async () => {
    const left = await kubectl(
      'get',
      'pods,deployments,statefulsets,services,hpa,pdb,networkpolicy,lease,roles,rolebindings,secrets',
      '-l',
      `hyperpage.dev/cluster=${CLUSTER}`,
      '-o',
      'name',
    );
    return left.trim() === '' ? true : undefined;
  });
});
