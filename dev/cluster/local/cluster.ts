import { ClusterProblem } from '../problem.ts';
import { type CgroupMounts, cgroupMounts } from './cgroups.ts';
import { readClaim, requireOurs } from './claim.ts';
import { type ClusterLayout, layoutOf, type NodeLayout } from './layout.ts';
import { type ClusterRecord, readRecord } from './record.ts';

/** A cluster that was made, with all it takes to act on its parts. */
export interface Cluster {
  layout: ClusterLayout;
  mounts: CgroupMounts;
  record: ClusterRecord;
}

/** The cluster of that name as this checkout made it.
 *  @throws ClusterProblem when there is none, or when it is another checkout's. */
export async function requireCluster(name: string, root: string): Promise<Cluster> {
  const claimed = await readClaim(name);
  if (claimed) await requireOurs(claimed, root);
  const layout = claimed && layoutOf(claimed);
  const record = layout && (await readRecord(layout));
  if (!record) {
    throw new ClusterProblem(`The cluster ${name} is not up.`, 'Bring it up first: make cluster');
  }
  return { layout, mounts: await cgroupMounts(), record };
}

/** The nodes it was asked to have, whether they run or not. */
export const nodesOf = ({ layout, record }: Cluster): readonly NodeLayout[] =>
  layout.nodes.slice(0, record.nodes);
