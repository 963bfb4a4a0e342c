import { join } from 'node:path';
import type { ControlPlanePart } from '../faults.ts';
import { type Api, answers } from './api.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterLayout } from './layout.ts';
import { type Daemon, type Machine, requireAlive, startDaemon } from './machine.ts';
import { controlPlaneMachine } from './machines.ts';
import { until } from './wait.ts';

/** The usual 20 requests a second make the controllers' own start take five seconds. */
const UNTHROTTLED = ['--kube-api-qps=200', '--kube-api-burst=400'];

/** How soon a silent node counts as lost. A user's cluster takes 40 s for it; tests wait for it often. */
const NODE_GRACE_SECONDS = 12;
/** How long pods stay bound to a lost node before they are replaced elsewhere; 300 s by default. */
const EVICTION_SECONDS = 30;

const ETCD_URL = 'http://127.0.0.1:2379';

/** Starts a part of the control plane unless it runs. The API server may start together with etcd: it waits for it. */
export const startPart = ({ layout, mounts, record }: Cluster, part: ControlPlanePart): Promise<void> =>
  startDaemon(controlPlaneMachine(layout, mounts), PARTS[part](layout, record.binaries[part]));

/** Waits until the API server serves; its own start-up work may still go on. */
export const untilServing = (api: Api, machine: Machine): Promise<void> =>
  until('the API server to answer', async () => {
    await requireAlive(machine, 'etcd');
    await requireAlive(machine, 'kube-apiserver');
    return answers(api, '/version');
  });

/** Waits until the API server says that it is ready, built-in roles included. */
export const untilReady = (api: Api, machine: Machine): Promise<void> =>
  until('the API server to be ready', async () => {
    await requireAlive(machine, 'kube-apiserver');
    return answers(api, '/readyz');
  });

const etcd = (layout: ClusterLayout, binary: string): Daemon => ({
  name: 'etcd',
  argv: [
    binary,
    `--data-dir=${join(layout.folder, 'control-plane', 'etcd')}`,
    `--listen-client-urls=${ETCD_URL}`,
    `--advertise-client-urls=${ETCD_URL}`,
    '--listen-peer-urls=http://127.0.0.1:2380',
    // The cluster does not outlive the machine, so waiting for its disk would buy nothing.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ],
});

function apiServer(layout: ClusterLayout, binary: string): Daemon {
  const pki = (file: string) => join(layout.pki, file);
  return {
    name: 'kube-apiserver',
    argv: [
      binary,
      `--etcd-servers=${ETCD_URL}`,
      `--advertise-address=${layout.controlPlaneAddress}`,
      '--secure-port=6443',
      `--tls-cert-file=${pki('apiserver.crt')}`,
      `--tls-private-key-file=${pki('apiserver.key')}`,
      `--client-ca-file=${pki('ca.crt')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${pki('service-account.pub')}`,
      `--service-account-signing-key-file=${pki('service-account.key')}`,
      `--service-cluster-ip-range=${layout.serviceSubnet}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--allow-privileged=true',
      `--kubelet-client-certificate=${pki('apiserver-kubelet-client.crt')}`,
      `--kubelet-client-key=${pki('apiserver-kubelet-client.key')}`,
      '--kubelet-preferred-address-types=InternalIP',
      // Aggregated APIs (metrics) are reached at their pods: no kube-proxy runs in the control plane's machine.
      '--enable-aggregator-routing=true',
      `--requestheader-client-ca-file=${pki('front-proxy-ca.crt')}`,
      '--requestheader-allowed-names=front-proxy-client',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      `--proxy-client-cert-file=${pki('front-proxy-client.crt')}`,
      `--proxy-client-key-file=${pki('front-proxy-client.key')}`,
      `--default-not-ready-toleration-seconds=${EVICTION_SECONDS}`,
      `--default-unreachable-toleration-seconds=${EVICTION_SECONDS}`,
      '--profiling=false',
    ],
  };
}

function controllerManager(layout: ClusterLayout, binary: string): Daemon {
  const pki = (file: string) => join(layout.pki, file);
  return {
    name: 'kube-controller-manager',
    argv: [
      binary,
      ...kubeconfigFlags(pki('kube-controller-manager.kubeconfig')),
      `--service-account-private-key-file=${pki('service-account.key')}`,
      `--root-ca-file=${pki('ca.crt')}`,
      `--cluster-signing-cert-file=${pki('ca.crt')}`,
      `--cluster-signing-key-file=${pki('ca.key')}`,
      '--use-service-account-credentials=true',
      '--leader-elect=false',
      ...UNTHROTTLED,
      '--bind-address=127.0.0.1',
      `--node-monitor-grace-period=${NODE_GRACE_SECONDS}s`,
      '--node-monitor-period=2s',
      '--horizontal-pod-autoscaler-sync-period=5s',
    ],
  };
}

const scheduler = (layout: ClusterLayout, binary: string): Daemon => ({
  name: 'kube-scheduler',
  argv: [
    binary,
    ...kubeconfigFlags(join(layout.pki, 'kube-scheduler.kubeconfig')),
    '--leader-elect=false',
    ...UNTHROTTLED,
    '--bind-address=127.0.0.1',
  ],
});

const kubeconfigFlags = (file: string) => [
  `--kubeconfig=${file}`,
  `--authentication-kubeconfig=${file}`,
  `--authorization-kubeconfig=${file}`,
];

const PARTS: Record<ControlPlanePart, (layout: ClusterLayout, binary: string) => Daemon> = {
  etcd,
  'kube-apiserver': apiServer,
  'kube-controller-manager': controllerManager,
  'kube-scheduler': scheduler,
};
