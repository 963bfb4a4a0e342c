import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBinaries } from '../binaries.ts';
import type { Progress } from '../progress.ts';
import { applyAddon } from './addons.ts';
import { type Api, answers, connect, get } from './api.ts';
import { type CgroupMounts, cgroupMounts, makeParent } from './cgroups.ts';
import { claim } from './claim.ts';
import { startApiServer, startControllers, untilReady, untilServing } from './controlplane.ts';
import { erase } from './down.ts';
import { packSystemImages, type SystemImages } from './images.ts';
import { type ClusterLayout, layoutOf, type NodeLayout } from './layout.ts';
import { boot, holderOf, type Machine, namespaceHolder } from './machine.ts';
import { controlPlaneMachine, nodeMachine } from './machines.ts';
import { layBackbone, plugIn } from './network.ts';
import { importImage, startContainerd, startKubelet } from './node.ts';
import { publishKubeconfig, writeCredentials } from './pki.ts';
import { readRecord, writeRecord } from './record.ts';
import { until } from './wait.ts';

export interface UpOptions {
  name: string;
  root: string;
  nodes: number;
  progress: Progress;
}

const BINARIES = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'coredns',
  'metrics-server',
  'pause',
] as const;

/** Everything a start needs, worked out once. */
interface Start {
  layout: ClusterLayout;
  mounts: CgroupMounts;
  binaries: Record<(typeof BINARIES)[number], string>;
  images: SystemImages;
  nodes: readonly NodeLayout[];
  progress: Progress;
}

/** Brings the cluster to the wanted number of nodes, or completes it. Every step looks first whether its work is done,
 *  so that a run on a healthy cluster changes nothing and a run on a half-made one makes the rest. A cluster that has
 *  more nodes keeps them. */
export async function bringUp({ name, root, nodes, progress }: UpOptions): Promise<ClusterLayout> {
  const layout = layoutOf(await claim(name, root));
  const mounts = await cgroupMounts();
  await discardDead(layout, mounts, progress);
  const record = await readRecord(layout);
  const wanted = Math.max(nodes, record?.nodes ?? 0);
  if (record && wanted === record.nodes && (await isHealthy(layout, wanted))) {
    progress.say(`The cluster is up already, with ${wanted} ${wanted === 1 ? 'node' : 'nodes'}.`);
    return layout;
  }
  const binaries = await ensureBinaries(BINARIES, progress);
  const images = await progress.step("pack the cluster's own images", () => packSystemImages(binaries));
  await writeRecord(layout, { images: [], ...record, nodes: wanted, binaries });
  await start({ layout, mounts, binaries, images, nodes: layout.nodes.slice(0, wanted), progress });
  return layout;
}

/** What is left of a cluster whose control plane's machine is gone (the computer was restarted, say) cannot be
 *  continued: nothing of it runs. */
async function discardDead(layout: ClusterLayout, mounts: CgroupMounts, progress: Progress): Promise<void> {
  if (await namespaceHolder(controlPlaneMachine(layout, mounts))) return;
  if (await erase(layout, mounts)) progress.say('Removed what an earlier cluster had left behind.');
}

async function isHealthy(layout: ClusterLayout, nodes: number): Promise<boolean> {
  const api = await connect(layout).catch(() => undefined);
  if (!api) return false;
  try {
    return (
      (await answers(api, '/readyz')) &&
      (await readyNodes(api)).length >= nodes &&
      (await isAvailable(api, 'coredns'))
    );
  } finally {
    api.close();
  }
}

async function start(start: Start): Promise<void> {
  const { layout, progress, nodes } = start;
  const { controlPlane, machines } = machinesOf(start);
  await progress.step('make machines and network', async () => {
    await makeParent(start.mounts, layout.cgroup);
    await writeCredentials(layout, new Date());
    await boot(controlPlane);
    await layBackbone(layout, await holderOf(controlPlane));
  });
  await publishKubeconfig(layout, await readFile(join(layout.pki, 'admin.kubeconfig'), 'utf8'));
  const api = await connect(layout);
  try {
    await startApiServer(layout, controlPlane, start.binaries);
    const runtimes = machines.map((machine, position) => prepareNode(start, machine, nodes[position] as NodeLayout));
    const serving = progress.step('start etcd and the API server', () => untilServing(api, controlPlane));
    await Promise.all([joinNodes(start, machines, api, serving), startRest(start, controlPlane, api, serving), ...runtimes]);
    await progress.step('wait for the cluster DNS', () => until('CoreDNS', () => isAvailable(api, 'coredns')));
  } finally {
    api.close();
  }
}

function machinesOf({ layout, mounts, binaries, nodes }: Start) {
  const programs = { pause: binaries.pause, others: Object.values(binaries) };
  return {
    controlPlane: controlPlaneMachine(layout, mounts, programs),
    machines: nodes.map((node) => nodeMachine(layout, node, mounts, programs)),
  };
}

async function prepareNode(start: Start, machine: Machine, node: NodeLayout): Promise<void> {
  const { layout, mounts, images, progress } = start;
  await progress.step(`${node.name}: start containerd`, async () => {
    await boot(machine);
    const controlPlane = await holderOf(controlPlaneMachine(layout, mounts));
    await plugIn(layout, node, { controlPlane, node: await holderOf(machine) });
    await startContainerd(layout, node, machine, images.pause.name);
  });
  await progress.step(`${node.name}: load images`, async () => {
    for (const { archive } of Object.values(images)) await importImage(machine, archive);
  });
}

async function joinNodes(
  { layout, binaries, nodes, progress }: Start,
  machines: readonly Machine[],
  api: Api,
  serving: Promise<void>,
): Promise<void> {
  await serving;
  await progress.step(`${nodes.map(({ name }) => name).join(', ')}: become Ready`, async () => {
    await Promise.all(
      machines.map((machine, position) => startKubelet(layout, nodes[position] as NodeLayout, machine, binaries)),
    );
    await until('the nodes to be Ready', async () => {
      const ready: string[] = await readyNodes(api).catch(() => []);
      return nodes.every(({ name }) => ready.includes(name));
    });
  });
}

async function startRest(start: Start, controlPlane: Machine, api: Api, serving: Promise<void>): Promise<void> {
  const { layout, binaries, images, progress } = start;
  await serving;
  await progress.step('start controller manager, scheduler and add-ons', async () => {
    await untilReady(api, controlPlane);
    await startControllers(layout, controlPlane, binaries);
    const values = {
      dnsServiceAddress: layout.dnsServiceAddress,
      coredns: images.coredns.name,
      'metrics-server': images['metrics-server'].name,
    };
    await applyAddon(api, 'coredns', values);
    await applyAddon(api, 'metrics-server', values);
  });
}

interface NodeList {
  items: Array<{ metadata: { name: string }; status: { conditions?: Array<{ type: string; status: string }> } }>;
}

export async function readyNodes(api: Api): Promise<string[]> {
  const { items } = await get<NodeList>(api, '/api/v1/nodes');
  const isReady = ({ status }: NodeList['items'][number]) =>
    status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  return items.filter(isReady).map(({ metadata }) => metadata.name);
}

/** Whether the add-on's one replica serves. */
async function isAvailable(api: Api, deployment: string): Promise<boolean> {
  const path = `/apis/apps/v1/namespaces/kube-system/deployments/${deployment}`;
  const { status } = await get<{ status?: { availableReplicas?: number } }>(api, path).catch(() => ({ status: {} }));
  return ((status as { availableReplicas?: number } | undefined)?.availableReplicas ?? 0) > 0;
}
