import { LABELS } from '@hyperpage/contract';
import { OPERATOR_DEPLOYMENT, OPERATOR_NAMESPACE } from '../../../dev/install.ts';
import type { Ground, Subject } from './ground.ts';

type Pod = { metadata: { name: string; deletionTimestamp?: string }; spec: { nodeName: string } };

/** The operator's pod and its node. */
export async function operatorPod({ kubectl }: Ground): Promise<{ name: string; node: string }> {
  const selector = `${LABELS.name}=hyperpage-operator`;
  const { items } = await kubectl.json<{ items: Pod[] }>([
    '-n',
    OPERATOR_NAMESPACE,
    'get',
    'pods',
    '-l',
    selector,
  ]);
  const pod = items.find(({ metadata }) => !metadata.deletionTimestamp);
  if (!pod) throw new Error('There is no pod of the operator.');
  return { name: pod.metadata.name, node: pod.spec.nodeName };
}

/** Moves the operator to another node when it is on the one of the subject's primary. */
export async function keepOperatorOff(ground: Ground, { name, oracle }: Subject): Promise<void> {
  const { kubectl } = ground;
  const primary = oracle.truth.primary.now as string;
  const { spec } = await kubectl.json<Pod>(['-n', name, 'get', 'pod', primary]);
  const operator = await operatorPod(ground);
  if (operator.node !== spec.nodeName) return;
  await kubectl(['cordon', operator.node]);
  try {
    await kubectl(['-n', OPERATOR_NAMESPACE, 'delete', 'pod', operator.name]);
    await scaled(ground);
  } finally {
    await kubectl(['uncordon', operator.node]);
  }
}

/** Runs that many operators: 0 or 1. */
export async function scaleOperator(ground: Ground, replicas: 0 | 1): Promise<void> {
  const deployment = ['-n', OPERATOR_NAMESPACE, 'scale', 'deployment', OPERATOR_DEPLOYMENT];
  await ground.kubectl([...deployment, `--replicas=${replicas}`]);
  await scaled(ground);
}

const scaled = ({ kubectl }: Ground) =>
  kubectl(
    ['-n', OPERATOR_NAMESPACE, 'rollout', 'status', 'deployment', OPERATOR_DEPLOYMENT, '--timeout=60s'],
    { timeoutMs: 70_000 },
  );

/** When the operator that leads now began to, on our clock. */
export async function leadingSince({ kubectl }: Ground): Promise<number> {
  const lease = await kubectl.json<{ spec: { acquireTime: string } }>([
    '-n',
    OPERATOR_NAMESPACE,
    'get',
    'lease',
    OPERATOR_DEPLOYMENT,
  ]);
  return Date.parse(lease.spec.acquireTime);
}
