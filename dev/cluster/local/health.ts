import { type Api, answers, connect, get } from './api.ts';
import type { ClusterLayout } from './layout.ts';

/** Whether the API server, that many nodes and the cluster's DNS all do their work. */
export async function isHealthy(layout: ClusterLayout, nodes: number): Promise<boolean> {
  const api = await connect(layout).catch(() => undefined);
  if (!api) return false;
  try {
    return (
      (await answers(api, '/readyz')) &&
      (await readyNodes(api)).length >= nodes &&
      (await isAvailable(api, 'coredns'))
    );
  } catch {
    return false;
  } finally {
    api.close();
  }
}

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
