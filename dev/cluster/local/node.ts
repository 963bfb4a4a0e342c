import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from './cgroups.ts';
import type { Cluster } from './cluster.ts';
import { CONTAINERD_SOCKET, containerdConfig, containerdRoot, runContainerd } from './containerd.ts';
import type { ClusterLayout, NodeLayout } from './layout.ts';
import { boot, type Daemon, holderOf, powerOff, startDaemon } from './machine.ts';
import { controlPlaneMachine, nodeMachine, programsOf } from './machines.ts';
import { plugIn, unplug } from './network.ts';
import { plantSeed } from './seed.ts';

/** Boots the node's machine, plugs it in and starts its container runtime, each unless it is done. */
export async function startNode(cluster: Cluster, node: NodeLayout): Promise<void> {
  const { layout, mounts, record } = cluster;
  const machine = nodeMachine(layout, node, mounts, programsOf(record));
  await boot(machine);
  const controlPlane = await holderOf(controlPlaneMachine(layout, mounts));
  await plugIn(layout, node, { controlPlane, node: await holderOf(machine) });
  await plantSeed(record.seed, containerdRoot(node.folder));
  await writeNodeFiles(layout, node, record.systemImages.pause);
  await runContainerd(machine, join(node.folder, 'containerd.toml'));
}

/** Starts kubelet and kube-proxy. Kubelet asks again after ever longer pauses when the API server does not answer, so
 *  this comes after it serves. */
export async function joinNode({ layout, mounts, record }: Cluster, node: NodeLayout): Promise<void> {
  const machine = nodeMachine(layout, node, mounts);
  await startDaemon(machine, kubelet(layout, node, record.binaries.kubelet));
  await startDaemon(machine, kubeProxy(layout, node, record.binaries['kube-proxy']));
}

/** Ends the node and all on it at once; its disk stays. */
export async function stopNode({ layout, mounts }: Cluster, node: NodeLayout): Promise<void> {
  const machine = nodeMachine(layout, node, mounts);
  await powerOff(machine);
  await removeTree(mounts, machine.cgroup);
  await unplug(await holderOf(controlPlaneMachine(layout, mounts)), node);
}

const kubelet = (layout: ClusterLayout, node: NodeLayout, binary: string): Daemon => ({
  name: 'kubelet',
  argv: [
    binary,
    `--config=${join(node.folder, 'kubelet.json')}`,
    `--kubeconfig=${join(layout.pki, `${node.name}.kubeconfig`)}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${node.address}`,
  ],
});

const kubeProxy = (layout: ClusterLayout, node: NodeLayout, binary: string): Daemon => ({
  name: 'kube-proxy',
  argv: [
    binary,
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

async function writeNodeFiles(layout: ClusterLayout, node: NodeLayout, pauseImage: string): Promise<void> {
  await mkdir(join(node.folder, 'cni'), { recursive: true });
  const files = {
    'containerd.toml': await containerdConfig(node.folder, pauseImage),
    'cni/10-pods.conflist': JSON.stringify(cniConfig(node), null, 2),
    'kubelet.json': JSON.stringify(kubeletConfig(layout, node), null, 2),
    // Pods with the node's DNS settings: there is no name server to hand on.
    'resolv.conf': '',
  };
  for (const [file, content] of Object.entries(files)) await writeFile(join(node.folder, file), content);
}

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
  containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
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
  // How soon a changed Secret reaches the pods that mount it: a rotation of passwords takes three of these.
  syncFrequency: '10s',
});
