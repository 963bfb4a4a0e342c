/** What tests break, and put right again. Each acts on one cluster's own parts only. */
export interface Faults {
  /** Kills every process of the container at once, as the kernel does when memory runs out; kubelet starts it again.
   *  @throws FaultRefused when no such container runs. */
  killContainer(target: ContainerTarget): Promise<void>;
  /** Stops every process of the container without its notice: it looks hung, or cut off from the CPU. */
  pauseContainer(target: ContainerTarget): Promise<void>;
  resumeContainer(target: ContainerTarget): Promise<void>;
  /** Ends the node and all on it at once, as a power cut does. */
  stopNode(node: string): Promise<void>;
  startNode(node: string): Promise<void>;
  /** Drops what the node sends, what it is sent, or both. It and its pods run on, and still reach each other. */
  cutNode(node: string, direction?: Direction): Promise<void>;
  healNode(node: string): Promise<void>;
  /** Kills the program. */
  stop(part: ControlPlanePart): Promise<void>;
  start(part: ControlPlanePart): Promise<void>;
  /** Connections to it stay open, and get no answer. */
  pause(part: ControlPlanePart): Promise<void>;
  resume(part: ControlPlanePart): Promise<void>;
}

export interface ContainerTarget {
  namespace: string;
  pod: string;
  container: string;
}

/** Which packets of a node are dropped, as it sees them. */
export type Direction = 'both' | 'sent' | 'received';
export const DIRECTIONS: readonly Direction[] = ['both', 'sent', 'received'];

export type ControlPlanePart = 'kube-apiserver' | 'etcd' | 'kube-controller-manager' | 'kube-scheduler';
export const CONTROL_PLANE_PARTS: readonly ControlPlanePart[] = [
  'kube-apiserver',
  'etcd',
  'kube-controller-manager',
  'kube-scheduler',
];

/** The fault names something that is not there, or that this provider cannot break. */
export class FaultRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FaultRefused';
  }
}

/** The `fault` command's verbs with what they act on, for its help text and its parser. */
export const FAULT_USAGE = `
  fault kill-container|pause-container|resume-container NAMESPACE POD CONTAINER
  fault stop-node|start-node|heal-node NODE
  fault cut-node NODE [both|sent|received]
  fault stop|start|pause|resume ${CONTROL_PLANE_PARTS.join('|')}`.slice(1);

/** Does what the words of a command line say.
 *  @throws FaultRefused when they say nothing that can be done. */
export async function runFault(faults: Faults, words: readonly string[]): Promise<void> {
  const [verb = '', ...operands] = words;
  if (Object.hasOwn(containerVerbs, verb))
    return containerVerbs[verb as keyof typeof containerVerbs](faults, container(operands));
  if (Object.hasOwn(nodeVerbs, verb))
    return nodeVerbs[verb as keyof typeof nodeVerbs](faults, nodeName(operands), operands[1]);
  if (Object.hasOwn(partVerbs, verb))
    return partVerbs[verb as keyof typeof partVerbs](faults, part(operands));
  throw new FaultRefused(`There is no fault ${JSON.stringify(verb)}. There are:\n${FAULT_USAGE}`);
}

const containerVerbs = {
  'kill-container': (faults: Faults, target: ContainerTarget) => faults.killContainer(target),
  'pause-container': (faults: Faults, target: ContainerTarget) => faults.pauseContainer(target),
  'resume-container': (faults: Faults, target: ContainerTarget) => faults.resumeContainer(target),
};

const nodeVerbs = {
  'stop-node': (faults: Faults, node: string) => faults.stopNode(node),
  'start-node': (faults: Faults, node: string) => faults.startNode(node),
  'cut-node': (faults: Faults, node: string, how?: string) => faults.cutNode(node, direction(how)),
  'heal-node': (faults: Faults, node: string) => faults.healNode(node),
};

const partVerbs = {
  stop: (faults: Faults, part: ControlPlanePart) => faults.stop(part),
  start: (faults: Faults, part: ControlPlanePart) => faults.start(part),
  pause: (faults: Faults, part: ControlPlanePart) => faults.pause(part),
  resume: (faults: Faults, part: ControlPlanePart) => faults.resume(part),
};

function container([namespace, pod, name]: readonly string[]): ContainerTarget {
  if (namespace && pod && name) return { namespace, pod, container: name };
  throw new FaultRefused('Say which container: NAMESPACE POD CONTAINER.');
}

function nodeName([node]: readonly string[]): string {
  if (node) return node;
  throw new FaultRefused('Say which node; `kubectl get nodes` lists them.');
}

function direction(how = 'both'): Direction {
  const known = DIRECTIONS.find((direction) => direction === how);
  if (known) return known;
  throw new FaultRefused(`A node's network is cut in the direction ${DIRECTIONS.join(', ')}; not ${how}.`);
}

function part([name]: readonly string[]): ControlPlanePart {
  const known = CONTROL_PLANE_PARTS.find((part) => part === name);
  if (known) return known;
  throw new FaultRefused(`Say which part of the control plane: ${CONTROL_PLANE_PARTS.join(', ')}.`);
}
