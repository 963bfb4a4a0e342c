import {
  type ContainerTarget,
  type ControlPlanePart,
  type Direction,
  FaultRefused,
  type Faults,
} from './faults.ts';

/** Runs `docker` with these arguments and gives its output. */
export type Docker = (args: readonly string[]) => Promise<string>;

/** Faults of a kind cluster: its nodes are containers, so they are reached by `docker`, never over the network. */
export function kindFaults(cluster: string, docker: Docker, nodes: () => Promise<string[]>): Faults {
  const inside = (node: string, ...command: readonly string[]) => docker(['exec', node, ...command]);
  const controlPlane = `${cluster}-control-plane`;

  const requireNode = async (node: string) => {
    const known = await nodes();
    if (!known.includes(node))
      throw new FaultRefused(`There is no node ${node}; there are ${known.join(', ')}.`);
  };
  const signalContainer = async (target: ContainerTarget, signal: NodeJS.Signals) => {
    for (const node of await nodes()) {
      const id = (await inside(node, 'crictl', 'ps', '--quiet', ...crictlFilter(target)))
        .trim()
        .split('\n')[0];
      if (!id) continue;
      await inside(node, 'ctr', '--namespace=k8s.io', 'tasks', 'kill', '--all', `--signal=${signal}`, id);
      return;
    }
    const { namespace, pod, container } = target;
    throw new FaultRefused(`No container ${container} of pod ${namespace}/${pod} runs in this cluster.`);
  };
  const signalPart = (part: ControlPlanePart, signal: string) =>
    inside(controlPlane, 'pkill', `-${signal}`, '--exact', '--full', `${part} .*`);
  const movePart = (part: ControlPlanePart, from: string, to: string) =>
    inside(controlPlane, 'mv', `${from}/${part}.yaml`, `${to}/${part}.yaml`);

  return {
    killContainer: (target) => signalContainer(target, 'SIGKILL'),
    pauseContainer: (target) => signalContainer(target, 'SIGSTOP'),
    resumeContainer: (target) => signalContainer(target, 'SIGCONT'),
    async stopNode(node) {
      await requireNode(node);
      await docker(['kill', node]);
    },
    async startNode(node) {
      await docker(['start', node]);
    },
    async cutNode(node, direction = 'both') {
      await requireNode(node);
      await this.healNode(node);
      for (const rule of dropRules(direction)) await inside(node, 'iptables', ...rule.map(word('--append')));
    },
    async healNode(node) {
      await requireNode(node);
      for (const rule of dropRules('both')) {
        // It ends with 1 when there is no such rule, which is what is wanted.
        await inside(node, 'iptables', ...rule.map(word('--delete'))).catch(() => undefined);
      }
    },
    // Its kubelet runs a part as long as its manifest is in the folder.
    stop: async (part) => {
      await movePart(part, MANIFESTS, SHELF);
      await signalPart(part, 'KILL');
    },
    start: async (part) => {
      await movePart(part, SHELF, MANIFESTS);
    },
    pause: async (part) => {
      await signalPart(part, 'STOP');
    },
    resume: async (part) => {
      await signalPart(part, 'CONT');
    },
  };
}

const MANIFESTS = '/etc/kubernetes/manifests';
const SHELF = '/etc/kubernetes';

const crictlFilter = ({ namespace, pod, container }: ContainerTarget) => [
  `--name=^${container}$`,
  `--label=io.kubernetes.pod.namespace=${namespace}`,
  `--label=io.kubernetes.pod.name=${pod}`,
];

const ACTION = '<action>';
const word = (action: string) => (part: string) => (part === ACTION ? action : part);

/** Before a packet is looked at in any other way, and after all that: pods' packets pass there too. */
function dropRules(direction: Direction): string[][] {
  const received = ['--table', 'raw', ACTION, 'PREROUTING', '--in-interface', 'eth0', '--jump', 'DROP'];
  const sent = ['--table', 'mangle', ACTION, 'POSTROUTING', '--out-interface', 'eth0', '--jump', 'DROP'];
  return [...(direction === 'sent' ? [] : [received]), ...(direction === 'received' ? [] : [sent])];
}
