/** `make demo`: a real cluster, the operator, a sample app, and a guided tour of it. Leaves the cluster up. */
import { join } from 'node:path';
import { ClusterProblem } from '../cluster/problem.ts';
import { inWords, terminalProgress } from '../cluster/progress.ts';
import { install, OPERATOR_DEPLOYMENT, OPERATOR_NAMESPACE, ROOT } from '../install.ts';
import type { Kubectl } from '../kubectl.ts';
import {
  killLeader,
  readSession,
  readyPods,
  showLeader,
  showMessage,
  showSession,
  type Tour,
  until,
  watchConditions,
} from './tour.ts';

const NAMESPACE = 'demo';
const CLUSTER = 'demo';
const NODES = 3;

const colour = process.stdout.isTTY && !process.env['NO_COLOR'];
const bold = (text: string) => (colour ? `\u001b[1m${text}\u001b[0m` : text);
const say = (line: string) => console.log(`  ${line}`);

async function demo(): Promise<void> {
  const startedAt = performance.now();
  const chapter = (title: string) =>
    console.log(`\n${bold(title)}  (${inWords(performance.now() - startedAt)})`);

  chapter('A Kubernetes cluster with the operator');
  const { kubectl, imagesChanged, cluster } = await install({ nodes: NODES, progress: terminalProgress() });
  const tour: Tour = { kubectl, namespace: NAMESPACE, cluster: CLUSTER, say };
  const show = async (...args: string[]) => {
    for (const line of (await kubectl(args)).trimEnd().split('\n')) say(line);
  };

  chapter('One HyperpageCluster is applied: manifests/samples/demo.yaml');
  await show('apply', '-f', join(ROOT, 'manifests/samples/demo.yaml'));
  if (imagesChanged) await rollToNewImages(kubectl);

  chapter('Its conditions, as they turn');
  await watchConditions(tour, 240_000);
  await until('three app pods', 120_000, async () =>
    (await readyPods(tour)).length >= 3 ? true : undefined,
  );

  chapter('What the operator made of it');
  await show('-n', NAMESPACE, 'get', 'hyperpagecluster', CLUSTER);
  say('');
  await show('-n', NAMESPACE, 'get', 'pods', '-o', 'wide', '--no-headers=false');

  chapter('Who leads, as each pod knows it');
  await showLeader(tour);

  chapter('A message, sent in one pod and received in all');
  await showMessage(tour);

  chapter('A session, written through one pod and read through another');
  const sessionId = await showSession(tour);

  chapter("The leader's pod is killed");
  await killLeader(tour);
  const [survivor] = await readyPods(tour);
  if (survivor) await readSession(tour, survivor, sessionId);

  chapter('The tour is over; the cluster stays up');
  for (const line of whatNext(cluster.kubeconfig)) say(line);
}

/** Pods of an earlier build run on under the same tags: this rolls them, and waits until they have rolled. */
async function rollToNewImages(kubectl: Kubectl): Promise<void> {
  const rollout = ['-n', NAMESPACE, 'rollout'];
  await until('the Deployment', 60_000, () => kubectl(['-n', NAMESPACE, 'get', 'deployment', CLUSTER]));
  await kubectl([...rollout, 'restart', `deployment/${CLUSTER}`]);
  await kubectl([...rollout, 'status', `deployment/${CLUSTER}`, '--timeout=180s'], { timeoutMs: 190_000 });
}

const whatNext = (kubeconfig: string) => [
  `export KUBECONFIG=${kubeconfig}`,
  `kubectl -n ${NAMESPACE} get hpc,pods,hpa,pdb,sts,lease,networkpolicy`,
  `kubectl -n ${NAMESPACE} describe hpc ${CLUSTER}               # conditions, and events as they happened`,
  `kubectl -n ${NAMESPACE} port-forward svc/${CLUSTER} 8080:80    # the example's page on http://localhost:8080`,
  `kubectl -n ${NAMESPACE} delete pod ${CLUSTER}-redis-0          # and watch: kubectl -n ${NAMESPACE} get hpc -w`,
  `kubectl -n ${OPERATOR_NAMESPACE} logs deploy/${OPERATOR_DEPLOYMENT} -f`,
  'make cluster-down                              # removes all of it',
];

try {
  await demo();
} catch (error) {
  if (error instanceof ClusterProblem) console.error(`\n${error.message}\n\n${error.fix}`);
  else {
    console.error(`\nThe demo stopped: ${error instanceof Error ? error.message : String(error)}`);
    if (error instanceof Error && error.cause instanceof Error)
      console.error(`  last seen: ${error.cause.message}`);
    console.error(
      `  the cluster is left as it is: KUBECONFIG=.cluster/kubeconfig kubectl -n ${NAMESPACE} describe hpc,pods`,
    );
  }
  process.exitCode = 1;
}
