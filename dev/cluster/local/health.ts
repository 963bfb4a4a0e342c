import { CONTROL_PLANE_PARTS } from '../faults.ts';
import { type Api, answers, connect, get } from './api.ts';
import { type Cluster, nodesOf } from './cluster.ts';
import { isRunning } from './machine.ts';
import { controlPlaneMachine, nodeMachine } from './machines.ts';

/** Whether every program of the cluster runs, and the API server, the nodes and the DNS all do their work. */
export async function isHealthy(cluster: Cluster): Promise<boolean> {
  // The API server takes a node for Ready some seconds longer than it is.
  if (!(await everythingRuns(cluster))) return false;
  const { layout, record } = cluster;
  const api = await connect(layout).catch(() => undefined);
  if (!api) return false;
  try {
    return (
      (await answers(api, '/readyz')) &&
      (await readyNodes(api)).length >= record.nodes &&
      (await isAvailable(api, 'coredns'))
    );
  } catch {
    return false;
  } finally {
    api.close();
  }
}

async function everythingRuns(cluster: Cluster): Promise<boolean> {
  const { layout, mounts } = cluster;
  const controlPlane = controlPlaneMachine(layout, mounts);
  const machines = nodesOf(cluster).map((node) => nodeMachine(layout, node, mounts));
  const running = await Promise.all([
    ...CONTROL_PLANE_PARTS.map((part) => isRunning(controlPlane, part)),
    ...machines.flatMap((machine) => NODE_DAEMONS.map((daemon) => isRunning(machine, daemon))),
  ]);
  return running.every(Boolean);
}

const NODE_DAEMONS = ['containerd', 'kubelet', 'kube-proxy'];

interface NodeList {
  items: Array<{
    metadata: { name: string };
    status: { conditions?: Array<{ type: string; status: string }> };
  }>;
}

/** Names of the nodes that the API server takes for Ready.
 *  @throws Error when it does not answer. */
export async function readyNodes(api: Api): Promise<string[]> {
  const { items } = await get<NodeList>(api, '/api/v1/nodes');
  const isReady = ({ status }: NodeList['items'][number]) =>
    status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  return items.filter(isReady).map(({ metadata }) => metadata.name);
}

/** Whether a replica of the add-on serves. */
export async function isAvailable(api: Api, addon: string): Promise<boolean> {
  const path = `/apis/apps/v1/namespaces/kube-system/deployments/${addon}`;
  try {
    const { status } = await get<{ status?: { availableReplicas?: number } }>(api, path);
    return (status?.availableReplicas ?? 0) > 0;
  } catch {
    return false;
  }
}
