import { relative } from 'node:path';
import { FaultRefused } from '../faults.ts';
import { ClusterProblem } from '../problem.ts';
import type { Progress } from '../progress.ts';
import type { ClusterProvider } from '../provider.ts';
import { cgroupMounts } from './cgroups.ts';
import { readClaim, releaseClaim, requireOurs } from './claim.ts';
import { nodesOf, requireCluster } from './cluster.ts';
import { importImage } from './containerd.ts';
import { erase } from './down.ts';
import { localFaults } from './faults.ts';
import { kubeconfigPath, layoutOf } from './layout.ts';
import { withLock } from './lock.ts';
import { isRunning, namespaceHolder } from './machine.ts';
import { controlPlaneMachine, nodeMachine } from './machines.ts';
import { requirePrerequisites, requireRoot, thisMachine } from './prerequisites.ts';
import { writeRecord } from './record.ts';
import { bringUp } from './up.ts';

/** The project's own cluster on one machine, without a container engine. */
export function localProvider(options: { name: string; root: string; progress: Progress }): ClusterProvider {
  const { name, root, progress } = options;
  const open = () => requireCluster(name, root);
  return {
    kind: 'local',
    name,
    kubeconfig: kubeconfigPath(root, name),
    faults: localFaults(open),
    async up({ nodes }) {
      await requirePrerequisites(thisMachine());
      await withLock(name, () => bringUp({ name, root, nodes, progress })).catch((error: unknown) => {
        throw asProblem(error, relative(process.cwd(), layoutOf({ name, root, index: 0 }).logs));
      });
    },
    async down() {
      requireRoot(thisMachine().userId);
      return withLock(name, () => takeDown(name, root));
    },
    loadImages: (archives) => loadImages(name, root, progress, archives),
    status: () => status(name, root),
  };
}

/** Without a claim there may still be a folder, when the computer was restarted; nothing can run then. */
async function takeDown(name: string, root: string): Promise<boolean> {
  const claimed = await readClaim(name);
  if (claimed) await requireOurs(claimed, root);
  const layouts = [layoutOf({ name, root, index: 0 }), ...(claimed ? [layoutOf(claimed)] : [])];
  const mounts = await cgroupMounts();
  let removed = false;
  for (const layout of layouts) removed = (await erase(layout, mounts)) || removed;
  await releaseClaim(name);
  return removed;
}

/** Each node unpacks for itself, all at once. */
async function loadImages(
  name: string,
  root: string,
  progress: Progress,
  archives: readonly string[],
): Promise<void> {
  const cluster = await requireCluster(name, root);
  const { layout, mounts, record } = cluster;
  await progress.step(`load ${archives.length} images into every node`, () =>
    Promise.all(
      nodesOf(cluster).map(async (node) => {
        const machine = nodeMachine(layout, node, mounts);
        for (const archive of archives) await importImage(machine, archive);
      }),
    ),
  );
  await writeRecord(layout, { ...record, archives: [...new Set([...record.archives, ...archives])] });
}

async function status(name: string, root: string): Promise<string[]> {
  const cluster = await requireCluster(name, root);
  const { layout, mounts } = cluster;
  const controlPlane = controlPlaneMachine(layout, mounts);
  const word = (on: boolean) => (on ? 'runs' : 'is off');
  const parts = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
  return [
    `${name} at ${layout.apiServerUrl}, kubeconfig ${layout.kubeconfig}, logs in ${layout.logs}`,
    ...(await Promise.all(parts.map(async (part) => `${part} ${word(await isRunning(controlPlane, part))}`))),
    ...(await Promise.all(
      nodesOf(cluster).map(async (node) => {
        const on = (await namespaceHolder(nodeMachine(layout, node, mounts))) !== undefined;
        return `${node.name} (${node.address}) ${word(on)}`;
      }),
    )),
  ];
}

/** Whatever goes wrong on the way, the person wants to know where to look and how to go on. */
function asProblem(error: unknown, logs: string): Error {
  if (error instanceof ClusterProblem || error instanceof FaultRefused) return error;
  return new ClusterProblem(
    `The cluster could not be brought up: ${(error as Error).message}`,
    `Every part writes a log in ${logs}. Run \`make cluster\` again to go on from here, or \`make cluster-down\` to remove what there is.`,
    { cause: error },
  );
}
