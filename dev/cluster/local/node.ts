import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, succeeds } from '../run.ts';
import { CNI_FOLDER } from './prerequisites.ts';
import type { ClusterLayout, NodeLayout } from './layout.ts';
import { holderOf, type Machine, requireAlive, startDaemon } from './machine.ts';
import { until } from './wait.ts';

/** Inside the node's machine, whose /run is its own. */
const SOCKET = '/run/containerd/containerd.sock';
const OVERLAYFS_MAGIC = 0x794c7630;

export type NodeBinaries = Record<'kubelet' | 'kube-proxy', string>;

/** Starts the node's container runtime and waits until it answers. */
export async function startContainerd(
  layout: ClusterLayout,
  node: NodeLayout,
  machine: Machine,
  pauseImage: string,
): Promise<void> {
  await writeNodeFiles(layout, node, pauseImage);
  await startDaemon(machine, {
    name: 'containerd',
    argv: ['containerd', '--config', join(node.folder, 'containerd.toml')],
  });
  await until(`containerd of ${node.name} to answer`, async () => {
    await requireAlive(machine, 'containerd');
    return succeeds('ctr', [...(await ctrFlags(machine)), 'version']);
  });
}

/** Starts kubelet and kube-proxy. Kubelet asks again after ever longer pauses when the API server does not answer, so
 *  this comes after it serves. */
export async function startKubelet(
  layout: ClusterLayout,
  node: NodeLayout,
  machine: Machine,
  binaries: NodeBinaries,
): Promise<void> {
  await startDaemon(machine, {
    name: 'kubelet',
    argv: [
      binaries.kubelet,
      `--config=${join(node.folder, 'kubelet.json')}`,
      `--kubeconfig=${join(layout.pki, `${node.name}.kubeconfig`)}`,
      `--hostname-override=${node.name}`,
      `--node-ip=${node.address}`,
    ],
  });
  await startDaemon(machine, {
    name: 'kube-proxy',
    argv: [
      binaries['kube-proxy'],
      `--kubeconfig=${join(layout.pki, 'kube-proxy.kubeconfig')}`,
      `--hostname-override=${node.name}`,
      '--proxy-mode=nftables',
      `--cluster-cidr=${layout.podSubnet}`,
      // Not ours to set: the kernel has one limit for all namespaces.
      '--conntrack-max-per-core=0',
      `--healthz-bind-address=${node.address}:10256`,
      `--metrics-bind-address=${node.address}:10249`,
    ],
  });
}

/** Unpacks a docker-archive into the node's images, under the name it carries. */
export async function importImage(machine: Machine, archive: string): Promise<void> {
  await run('ctr', [...(await ctrFlags(machine)), '-n', 'k8s.io', 'images', 'import', archive]);
}

/** The node's socket as seen from outside its mount namespace. */
export const ctrFlags = async (machine: Machine): Promise<string[]> => [
  '--address',
  `/proc/${await holderOf(machine)}/root${SOCKET}`,
];

async function writeNodeFiles(layout: ClusterLayout, node: NodeLayout, pauseImage: string): Promise<void> {
  await mkdir(join(node.folder, 'cni'), { recursive: true });
  const overlay = (await statfs(node.folder)).type !== OVERLAYFS_MAGIC;
  const files = {
    'containerd.toml': containerdConfig(node, pauseImage, overlay ? 'overlayfs' : 'native'),
    'cni/10-pods.conflist': JSON.stringify(cniConfig(node), null, 2),
    'kubelet.json': JSON.stringify(kubeletConfig(layout, node), null, 2),
    // Pods with the node's DNS settings: there is no name server to hand on.
    'resolv.conf': '',
  };
  for (const [file, content] of Object.entries(files)) await writeFile(join(node.folder, file), content);
}

const DISABLED_PLUGINS = [
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.tracing.processor.v1.otlp',
];

const containerdConfig = (node: NodeLayout, pauseImage: string, snapshotter: string) => `version = 2
root = "${node.folder}/containerd"
state = "/run/containerd"
disabled_plugins = ${JSON.stringify(DISABLED_PLUGINS)}

[grpc]
  address = "${SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${node.folder}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  disable_apparmor = true
  # A root without CAP_SYS_RESOURCE may not lower the score that kubelet asks for.
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "${CNI_FOLDER}"
  conf_dir = "${node.folder}/cni"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "${snapshotter}"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
`;

/** No masquerading: the nodes route to each other's pods, and so does the host. */
const cniConfig = (node: NodeLayout) => ({
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        dataDir: '/run/cni',
        ranges: [[{ subnet: node.podSubnet }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});

const kubeletConfig = (layout: ClusterLayout, node: NodeLayout) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: join(layout.pki, 'ca.crt') },
  },
  authorization: { mode: 'Webhook' },
  clusterDNS: [layout.dnsServiceAddress],
  clusterDomain: 'cluster.local',
  resolvConf: join(node.folder, 'resolv.conf'),
  containerRuntimeEndpoint: `unix://${SOCKET}`,
  tlsCertFile: join(layout.pki, `${node.name}.crt`),
  tlsPrivateKeyFile: join(layout.pki, `${node.name}.key`),
  cgroupDriver: 'cgroupfs',
  cgroupRoot: node.cgroup,
  failSwapOn: false,
  volumePluginDir: join(node.folder, 'volume-plugins'),
  // The disk is the developer's: leave it to him how full it may be.
  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '1%',
    'imagefs.available': '1%',
    'nodefs.inodesFree': '1%',
  },
  // Images are loaded by hand; one that was collected could not be fetched again.
  imageGCHighThresholdPercent: 100,
  maxPods: 110,
  nodeLeaseDurationSeconds: 12,
  nodeStatusUpdateFrequency: '4s',
});
