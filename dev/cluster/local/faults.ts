import { join } from 'node:path';
import { type ContainerTarget, type ControlPlanePart, FaultRefused, type Faults } from '../faults.ts';
import { run } from '../run.ts';
import { findBelow, killMembers, signalMembers } from './cgroups.ts';
import { type Cluster, nodesOf } from './cluster.ts';
import { ctrFlags } from './containerd.ts';
import { startPart } from './controlplane.ts';
import type { NodeLayout } from './layout.ts';
import { holderOf, namespaceHolder, signalDaemon, stopDaemon } from './machine.ts';
import { controlPlaneMachine, nodeMachine } from './machines.ts';
import { cut, heal } from './network.ts';
import { joinNode, startNode, stopNode } from './node.ts';

/** Faults of the single-machine cluster. `open` reads the cluster anew for each, as it may have changed. */
export function localFaults(open: () => Promise<Cluster>): Faults {
  const controlPlane = async () => {
    const { layout, mounts } = await open();
    return controlPlaneMachine(layout, mounts);
  };
  const signal = async (part: ControlPlanePart, name: NodeJS.Signals) => {
    if ((await signalDaemon(await controlPlane(), part, name)) === 0)
      throw new FaultRefused(`${part} does not run.`);
  };
  return {
    async killContainer(target) {
      const { cluster, cgroup } = await findContainer(open, target);
      await killMembers(cluster.mounts, cgroup);
    },
    async pauseContainer(target) {
      const { cluster, cgroup } = await findContainer(open, target);
      // Twice: one of its processes may have forked before the signal reached it, and stopped ones cannot.
      await signalMembers(cluster.mounts, cgroup, 'SIGSTOP');
      await signalMembers(cluster.mounts, cgroup, 'SIGSTOP');
    },
    async resumeContainer(target) {
      const { cluster, cgroup } = await findContainer(open, target);
      await signalMembers(cluster.mounts, cgroup, 'SIGCONT');
    },
    async stopNode(name) {
      const cluster = await open();
      await stopNode(cluster, nodeNamed(cluster, name));
    },
    async startNode(name) {
      const cluster = await open();
      const node = nodeNamed(cluster, name);
      await startNode(cluster, node);
      await joinNode(cluster, node);
    },
    async cutNode(name, direction = 'both') {
      await cut(await holderOf(await controlPlane()), nodeNamed(await open(), name), direction);
    },
    async healNode(name) {
      await heal(await holderOf(await controlPlane()), nodeNamed(await open(), name));
    },
    stop: async (part) => stopDaemon(await controlPlane(), part),
    start: async (part) => startPart(await open(), part),
    pause: (part) => signal(part, 'SIGSTOP'),
    resume: (part) => signal(part, 'SIGCONT'),
  };
}

function nodeNamed(cluster: Cluster, name: string): NodeLayout {
  const nodes = nodesOf(cluster);
  const node = nodes.find((node) => node.name === name);
  if (node) return node;
  throw new FaultRefused(`There is no node ${name}; there are ${nodes.map(({ name }) => name).join(', ')}.`);
}

/** The cgroup that holds every process of the container. It is found by asking the nodes' containerd, not the API
 *  server, which may be the one that is down. */
async function findContainer(open: () => Promise<Cluster>, target: ContainerTarget) {
  const cluster = await open();
  const { layout, mounts } = cluster;
  for (const node of nodesOf(cluster)) {
    const machine = nodeMachine(layout, node, mounts);
    if (!(await namespaceHolder(machine))) continue;
    const list = ['--namespace=k8s.io', 'containers', 'list', '--quiet', containerFilter(target)];
    const ids = (await run('ctr', [...(await ctrFlags(machine)), ...list])).split('\n').filter(Boolean);
    for (const id of ids) {
      // Containers that have ended are listed too, and have no cgroup any more.
      const cgroup = await findBelow(mounts, join(node.cgroup, 'kubepods'), id);
      if (cgroup) return { cluster, cgroup };
    }
  }
  const { namespace, pod, container } = target;
  throw new FaultRefused(`No container ${container} of pod ${namespace}/${pod} runs in this cluster.`);
}

/** containerd's filter for the labels that kubelet gives its containers. */
export const containerFilter = ({ namespace, pod, container }: ContainerTarget): string =>
  [
    `labels."io.kubernetes.pod.namespace"==${JSON.stringify(namespace)}`,
    `labels."io.kubernetes.pod.name"==${JSON.stringify(pod)}`,
    `labels."io.kubernetes.container.name"==${JSON.stringify(container)}`,
  ].join(',');
