import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBinaries } from '../binaries.ts';
import type { Progress } from '../progress.ts';
import { applyAddon } from './addons.ts';
import { type Api, connect } from './api.ts';
import { type CgroupMounts, cgroupMounts, signalMembers } from './cgroups.ts';
import { claim } from './claim.ts';
import { type Cluster, nodesOf } from './cluster.ts';
import { importImage } from './containerd.ts';
import { startPart, untilReady, untilServing } from './controlplane.ts';
import { erase } from './down.ts';
import { isAvailable, isHealthy, readyNodes } from './health.ts';
import { packSystemImages } from './images.ts';
import { type ClusterLayout, layoutOf, type NodeLayout } from './layout.ts';
import { boot, holderOf, namespaceHolder } from './machine.ts';
import { controlPlaneMachine, nodeMachine, programsOf, seedMachine } from './machines.ts';
import { heal, layBackbone } from './network.ts';
import { joinNode, startNode } from './node.ts';
import { publishKubeconfig, writeCredentials } from './pki.ts';
import { BINARIES, type ClusterRecord, readRecord, writeRecord } from './record.ts';
import { ensureSeed } from './seed.ts';
import { until } from './wait.ts';

export interface UpOptions {
  name: string;
  root: string;
  nodes: number;
  progress: Progress;
}

/** Brings the cluster to the wanted number of nodes, or completes it. Every step looks first whether its work is done,
 *  so that a run on a healthy cluster changes nothing and a run on a half-made one makes the rest. A cluster that has
 *  more nodes keeps them. */
export async function bringUp({ name, root, nodes, progress }: UpOptions): Promise<void> {
  const layout = layoutOf(await claim(name, root));
  const mounts = await cgroupMounts();
  await discardDead(layout, mounts, progress);
  const record = await readRecord(layout);
  const wanted = Math.max(nodes, record?.nodes ?? 0);
  if (record && wanted === record.nodes && (await isHealthy({ layout, mounts, record }))) {
    progress.say(`The cluster is up already, with ${wanted} ${wanted === 1 ? 'node' : 'nodes'}.`);
    return;
  }
  const prepared = {
    ...(await prepare(layout, mounts, progress)),
    nodes: wanted,
    archives: record?.archives ?? [],
  };
  await writeRecord(layout, prepared);
  await start({ layout, mounts, record: prepared }, progress);
}

/** What is left of a cluster whose control plane's machine is gone (the computer was restarted, say) cannot be
 *  continued: nothing of it runs. */
async function discardDead(layout: ClusterLayout, mounts: CgroupMounts, progress: Progress): Promise<void> {
  if (await namespaceHolder(controlPlaneMachine(layout, mounts))) return;
  if (await erase(layout, mounts)) progress.say('Removed what an earlier cluster had left behind.');
}

async function prepare(
  layout: ClusterLayout,
  mounts: CgroupMounts,
  progress: Progress,
): Promise<Omit<ClusterRecord, 'nodes' | 'archives'>> {
  const binaries = await ensureBinaries(BINARIES, progress);
  return progress.step("prepare the cluster's own images", async () => {
    const images = await packSystemImages(binaries);
    const archives = Object.values(images).map(({ archive }) => archive);
    const seed = await ensureSeed(seedMachine(layout, mounts, programsOf({ binaries })), archives);
    const names = Object.entries(images).map(([key, { name }]) => [key, name]);
    const systemImages = Object.fromEntries(names) as ClusterRecord['systemImages'];
    return { binaries, systemImages, seed };
  });
}

async function start(cluster: Cluster, progress: Progress): Promise<void> {
  const { layout } = cluster;
  await progress.step('make machines and network', () => layFoundation(cluster));
  const api = await connect(layout);
  try {
    await startPart(cluster, 'etcd');
    await startPart(cluster, 'kube-apiserver');
    const runtimes = nodesOf(cluster).map((node) =>
      progress.step(`${node.name}: start containerd`, () => startRuntime(cluster, node)),
    );
    const controlPlane = controlPlaneMachine(layout, cluster.mounts);
    const serving = progress.step('start etcd and the API server', () => untilServing(api, controlPlane));
    await Promise.all([
      ...runtimes,
      serving.then(() => startControllers(cluster, api, progress)),
      Promise.all([serving, ...runtimes]).then(() => joinNodes(cluster, api, progress)),
    ]);
    await progress.step('wait for the cluster DNS', () =>
      until('CoreDNS', () => isAvailable(api, 'coredns')),
    );
  } finally {
    api.close();
  }
}

async function layFoundation({ layout, mounts, record }: Cluster): Promise<void> {
  await writeCredentials(layout, new Date());
  const controlPlane = controlPlaneMachine(layout, mounts, programsOf(record));
  await boot(controlPlane);
  const holder = await holderOf(controlPlane);
  await layBackbone(layout, holder);
  await publishKubeconfig(layout, await readFile(join(layout.pki, 'admin.kubeconfig'), 'utf8'));
  // A test that was stopped may have left faults behind.
  await signalMembers(mounts, layout.cgroup, 'SIGCONT');
  for (const node of layout.nodes) await heal(holder, node);
}

/** A node that joins a cluster gets the images that the others were given. */
async function startRuntime(cluster: Cluster, node: NodeLayout): Promise<void> {
  await startNode(cluster, node);
  const machine = nodeMachine(cluster.layout, node, cluster.mounts);
  for (const archive of cluster.record.archives) await importImage(machine, archive);
}

async function joinNodes(cluster: Cluster, api: Api, progress: Progress): Promise<void> {
  const names = nodesOf(cluster).map(({ name }) => name);
  await progress.step(`${names.join(', ')}: become Ready`, async () => {
    await Promise.all(nodesOf(cluster).map((node) => joinNode(cluster, node)));
    await until('the nodes to be Ready', async () => {
      const ready: string[] = await readyNodes(api).catch(() => []);
      return names.every((name) => ready.includes(name));
    });
  });
}

async function startControllers(cluster: Cluster, api: Api, progress: Progress): Promise<void> {
  const { layout, mounts, record } = cluster;
  await progress.step('start controller manager, scheduler and add-ons', async () => {
    await untilReady(api, controlPlaneMachine(layout, mounts));
    await startPart(cluster, 'kube-controller-manager');
    await startPart(cluster, 'kube-scheduler');
    const values = { dnsServiceAddress: layout.dnsServiceAddress, ...record.systemImages };
    for (const addon of ['coredns', 'metrics-server', 'storage']) await applyAddon(api, addon, values);
  });
}
