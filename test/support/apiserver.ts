import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKubeHttp, type KubeEndpoint, type KubeHttp } from '@hyperpage/runtime';
import { ensureBinaries } from '../../dev/cluster/binaries.ts';
import { terminalProgress } from '../../dev/cluster/progress.ts';

/** A real etcd and kube-apiserver on loopback, and nothing else: no controllers, so nobody collects garbage, makes
 *  pods or default ServiceAccounts. RBAC is on. */
export interface ApiServer {
  /** As a member of system:masters. */
  endpoint: KubeEndpoint;
  kubeconfigPath: string;
  /** Kills the API server; etcd and its data stay. */
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Starts it again, at the same address, and waits until it is ready. */
  start(): Promise<void>;
  /** Compacts etcd up to now, so that older resource versions are gone. */
  compact(): Promise<void>;
  /** Ends both and removes their files. */
  stop(): Promise<void>;
}

export interface ApiServerOptions {
  /** More flags for kube-apiserver. */
  args?: readonly string[];
}

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const binaries = await ensureBinaries(['etcd', 'kube-apiserver'], terminalProgress());
  const folder = await mkdtemp(join(tmpdir(), 'hyperpage-apiserver-'));
  const etcd = await startEtcd(binaries.etcd, folder);
  const port = await freePort();
  const token = randomBytes(16).toString('hex');
  await writeCredentials(folder, token);
  const server = `https://127.0.0.1:${port}`;
  let api: Program | undefined;
  const start = async () => {
    api = run('kube-apiserver', folder, [
      binaries['kube-apiserver'],
      ...apiArgs(folder, port, etcd.url),
      ...(options.args ?? []),
    ]);
    await api.ready(() => isReady(server, folder, token));
  };
  const stop = async () => {
    await api?.kill('SIGKILL');
    await etcd.program.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  const ca = await readFile(join(folder, 'apiserver.crt'), 'utf8');
  return {
    endpoint: { server, tls: { ca }, token: async () => token },
    kubeconfigPath: await writeKubeconfig(folder, server, ca, token),
    kill: async (signal = 'SIGKILL') => api?.kill(signal),
    start,
    compact: () => compact(etcd.url),
    stop,
  };
}

async function startEtcd(binary: string, folder: string): Promise<{ program: Program; url: string }> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const program = run('etcd', folder, [
    binary,
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--watch-progress-notify-interval=5s',
    '--unsafe-no-fsync',
    '--log-level=error',
  ]);
  try {
    await program.ready(() => answersOk(`${url}/health`));
  } catch (error) {
    await program.kill('SIGKILL');
    throw error;
  }
  return { program, url };
}

const apiArgs = (folder: string, port: number, etcdUrl: string) => [
  `--etcd-servers=${etcdUrl}`,
  '--bind-address=127.0.0.1',
  '--advertise-address=127.0.0.1',
  `--secure-port=${port}`,
  `--cert-dir=${folder}`,
  `--token-auth-file=${join(folder, 'tokens.csv')}`,
  '--authorization-mode=RBAC',
  '--service-cluster-ip-range=10.96.0.0/24',
  '--service-account-issuer=https://kubernetes.default.svc',
  `--service-account-key-file=${join(folder, 'service-account.key')}`,
  `--service-account-signing-key-file=${join(folder, 'service-account.key')}`,
  // Without controllers no namespace has the `default` ServiceAccount that this plugin wants for every pod.
  '--disable-admission-plugins=ServiceAccount',
];

async function writeCredentials(folder: string, token: string): Promise<void> {
  await writeFile(join(folder, 'tokens.csv'), `${token},admin,admin,"system:masters"\n`);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(join(folder, 'service-account.key'), privateKey.export({ type: 'sec1', format: 'pem' }));
}

async function writeKubeconfig(folder: string, server: string, ca: string, token: string): Promise<string> {
  const path = join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    ],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

async function isReady(server: string, folder: string, token: string): Promise<boolean> {
  // The API server writes its certificate while it starts.
  const ca = await readFile(join(folder, 'apiserver.crt'), 'utf8').catch(() => undefined);
  if (ca === undefined) return false;
  const http = createKubeHttp({ server, tls: { ca }, token: async () => token });
  try {
    const answer = await http.stream({ method: 'GET', path: '/readyz', timeoutMs: 2000 });
    answer.resume();
    return true;
  } catch {
    return false;
  } finally {
    http.close();
  }
}

const answersOk = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    (answer) => answer.ok,
    () => false,
  );

async function compact(etcdUrl: string): Promise<void> {
  const call = (path: string, body: object) =>
    fetch(`${etcdUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
  const now = await call('/v3/kv/range', { key: Buffer.from('none').toString('base64') });
  const { header } = (await now.json()) as { header: { revision: string } };
  const answer = await call('/v3/kv/compaction', { revision: header.revision, physical: true });
  const text = await answer.text();
  // Nothing was written since the last time: it is compacted up to now already.
  if (!answer.ok && !text.includes('has been compacted')) throw new Error(`etcd did not compact: ${text}`);
}

/** The server that the tier's global set-up has started, for tests that leave it running. */
export async function sharedApiServer(): Promise<{
  endpoint: KubeEndpoint;
  http: KubeHttp;
  kubeconfigPath: string;
}> {
  const kubeconfigPath = process.env['HYPERPAGE_TEST_KUBECONFIG'];
  if (!kubeconfigPath)
    throw new Error('no shared API server: run these tests with `--selectProjects apiserver`');
  const config = JSON.parse(await readFile(kubeconfigPath, 'utf8')) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
    users: [{ user: { token: string } }];
  };
  const { cluster } = config.clusters[0];
  const { token } = config.users[0].user;
  const ca = Buffer.from(cluster['certificate-authority-data'], 'base64').toString('utf8');
  const endpoint: KubeEndpoint = { server: cluster.server, tls: { ca }, token: async () => token };
  return { endpoint, http: createKubeHttp(endpoint), kubeconfigPath };
}

/** Makes a namespace of its own for a test and gives its name. Nothing empties it: there are no controllers. */
export async function freshNamespace(http: KubeHttp, prefix = 'test'): Promise<string> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  await http.request({
    method: 'POST',
    path: '/api/v1/namespaces',
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
  });
  return name;
}

interface Program {
  ready(check: () => Promise<boolean>): Promise<void>;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** Kills the program when our end of its standard input closes: also when this process is killed. */
const GUARD = 'exec 3<&0; (read -r _ <&3; kill -KILL $$ 2>/dev/null) & exec "$@" 3<&- </dev/null';
const READY_WITHIN_MS = 90_000;

function run(name: string, folder: string, command: readonly string[]): Program {
  const logPath = join(folder, `${name}.log`);
  const log = openSync(logPath, 'a');
  const child: ChildProcess = spawn('sh', ['-c', GUARD, name, ...command], { stdio: ['pipe', log, log] });
  child.once('exit', () => child.stdin?.destroy());
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    ready: async (check) => {
      const untilMs = performance.now() + READY_WITHIN_MS;
      while (!(await check())) {
        if (!hasEnded() && performance.now() < untilMs) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          continue;
        }
        const tail = (await readFile(logPath, 'utf8')).split('\n').slice(-20).join('\n');
        throw new Error(`${name} ${hasEnded() ? 'ended' : 'was not ready in time'}:\n${tail}`);
      }
    },
    kill: async (signal) => {
      if (hasEnded()) return;
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    },
  };
}

/** A free port below those that the system gives to outgoing connections, which could take it before we listen. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 9_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
