import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { LEASE_ANNOTATIONS } from '@hyperpage/contract';
import { createKubeHttp, type KubeEndpoint, type KubeHttp, type Lease } from '@hyperpage/runtime';
import { ensureBinaries } from '../../dev/cluster/binaries.ts';
import { createProgress } from '../../dev/cluster/progress.ts';
import { startApiServer } from '../support/apiserver.ts';
import type { Bench } from './entry.ts';

const SERVICE_ACCOUNT = 'sidecar';
/** Where every pod finds its ServiceAccount (Kubernetes documentation, "Accessing the API from a Pod"). */
const POD_CREDENTIALS = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A real API server, and what lets a process on this machine be a sidecar in a pod of it. */
export interface KubernetesUnderTest {
  kubeconfigPath: string;
  namespace: string;
  /** Makes a Lease as the operator makes it, never held, and gives its name. */
  createLease(): Promise<string>;
  /** Environment of a sidecar that takes part in an election; add its Lease's name. */
  sidecarEnv: Record<string, string>;
  /** Runs its last arguments with a pod's credentials where a pod has them, under a group of its own. */
  wrap(groupId: number): readonly [string, ...string[]];
  /** Has every pod find `addresses` under `name`, as by a headless Service. */
  publish(name: string, addresses: readonly string[]): Promise<void>;
  /** The Lease as it stands. */
  readLease(name: string): Promise<Lease>;
  /** Requests about Leases that the API server has answered since it began. */
  leaseRequests(): Promise<number>;
  /** Takes the API server away, and brings it back. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Builds etcd and the API server where that was never done: minutes, once for this user. */
export async function prepareKubernetes(say: (line: string) => void): Promise<void> {
  const write = (text: string) => say(text.trim());
  await ensureBinaries(
    ['etcd', 'kube-apiserver'],
    createProgress({ write, colour: false, nowMs: () => performance.now() }),
  );
}

/** Starts etcd and kube-apiserver with a namespace and a ServiceAccount that may use Leases in it. Skips the entry where a process cannot have a mount namespace of its own. */
export async function startKubernetes(bench: Bench): Promise<KubernetesUnderTest> {
  const unshare = await privateMounts();
  if (unshare === undefined) {
    bench.skip('this machine lets nobody but root have mount namespaces: run it as root');
  }
  const server = await startApiServer();
  bench.defer(() => server.stop());
  const http = createKubeHttp(server.endpoint);
  bench.defer(() => http.close());
  const namespace = `bench-${randomBytes(4).toString('hex')}`;
  const token = await createObjects(http, namespace);
  const folder = await mkdtemp(join(tmpdir(), 'hyperpage-bench-pod-'));
  bench.defer(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'ca.crt'), String(server.endpoint.tls?.ca));
  await writeFile(join(folder, 'token'), token);
  const publish = await openHosts(bench, join(folder, 'hosts'));
  const { hostname, port } = new URL(server.endpoint.server);
  return {
    kubeconfigPath: server.kubeconfigPath,
    namespace,
    createLease: () => createLease(http, namespace),
    sidecarEnv: {
      HYPERPAGE_ELECTION_ENABLED: 'true',
      HYPERPAGE_NAMESPACE: namespace,
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
    },
    wrap: (groupId) => [
      ...unshare,
      ...(process.getuid?.() === 0 ? ['setpriv', '--regid', `${groupId}`, '--clear-groups', '--'] : []),
      'sh',
      '-c',
      AS_IN_A_POD,
      folder,
    ],
    publish,
    readLease: (name) => http.request<Lease>({ method: 'GET', path: `${leasesOf(namespace)}/${name}` }),
    leaseRequests: async () => countOf(await textAt(server.endpoint, '/metrics')),
    stop: () => server.kill(),
    start: () => server.start(),
  };
}

/** In a mount namespace of its own, which ends with the process: nothing of it is seen outside. */
const AS_IN_A_POD = `mount -t tmpfs tmpfs /var/run && mkdir -p ${POD_CREDENTIALS} && cp "$0"/* ${POD_CREDENTIALS} && mount --bind "$0"/hosts /etc/hosts && exec "$@"`;

/** Of one size, so that one write replaces it: nobody reads half of it. */
const HOSTS_BYTES = 4096;

async function openHosts(bench: Bench, path: string): Promise<KubernetesUnderTest['publish']> {
  const file = await open(path, 'w');
  bench.defer(() => file.close());
  const names = new Map([['localhost', ['127.0.0.1'] as readonly string[]]]);
  let written = Promise.resolve();
  const writeNow = async () => {
    const lines = [...names].flatMap(([name, addresses]) =>
      addresses.map((address) => `${address} ${name}\n`),
    );
    await file.write(lines.join('').padEnd(HOSTS_BYTES), 0);
  };
  // One after the other: of two at once the older could be the one that stays.
  const write = () => (written = written.then(writeNow));
  await write();
  return async (name, addresses) => {
    names.set(name, addresses);
    await write();
  };
}

type Command = readonly [string, ...string[]];

/** The command that gives its last arguments private mounts; undefined when this user may not. */
async function privateMounts(): Promise<Command | undefined> {
  const root: Command = ['unshare', '--mount', '--propagation', 'private'];
  const command: Command = process.getuid?.() === 0 ? root : [...root, '--map-root-user'];
  const [file, ...args] = command;
  try {
    await promisify(execFile)(file, [...args, 'mount', '-t', 'tmpfs', 'tmpfs', '/var/run']);
    return command;
  } catch {
    return undefined;
  }
}

/** Makes all that the operator would make for the election, and gives a token of the ServiceAccount. */
async function createObjects(http: KubeHttp, namespace: string): Promise<string> {
  const create = (path: string, body: object) => http.request<unknown>({ method: 'POST', path, body });
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const metadata = { name: SERVICE_ACCOUNT };
  await create('/api/v1/namespaces', { metadata: { name: namespace } });
  await create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata });
  await create(`${rbac}/roles`, {
    metadata,
    rules: [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
    ],
  });
  await create(`${rbac}/rolebindings`, {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: SERVICE_ACCOUNT },
    subjects: [{ kind: 'ServiceAccount', name: SERVICE_ACCOUNT, namespace }],
  });
  const { status } = await http.request<{ status: { token: string } }>({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${SERVICE_ACCOUNT}/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  });
  return status.token;
}

const leasesOf = (namespace: string) => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;

const textAt = async (endpoint: KubeEndpoint, path: string): Promise<string> => {
  const headers = { authorization: `Bearer ${await endpoint.token?.()}` };
  const sent = request(`${endpoint.server}${path}`, { ...endpoint.tls, headers, agent: false }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return text(answer);
};

/** Sum of the API server's counters for Leases (apiserver_request_total). */
const countOf = (metrics: string): number =>
  metrics
    .split('\n')
    .filter((line) => line.startsWith('apiserver_request_total{') && line.includes('resource="leases"'))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);

async function createLease(http: KubeHttp, namespace: string): Promise<string> {
  const name = `lease-${randomBytes(4).toString('hex')}`;
  await http.request<unknown>({
    method: 'POST',
    path: leasesOf(namespace),
    body: {
      metadata: { name, annotations: { [LEASE_ANNOTATIONS.term]: '0' } },
      spec: { holderIdentity: '' },
    },
  });
  return name;
}
