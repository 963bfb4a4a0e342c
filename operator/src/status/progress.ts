import { amount } from '../covers.ts';
import { redisReplicasOf } from '../desired/index.ts';
import type { Observed } from '../observe.ts';
import { type PodTrouble, troublesOf } from '../pods.ts';
import type { Step } from '../redis/index.ts';
import { redisPodsOf, rotationFor, runningOf } from '../upkeep.ts';
import { appTroubles } from './app.ts';
import { healthy, type Verdict, verdict } from './verdict.ts';

/** Progressing: something asked for is on its way. `step` is what is to be done about Redis next. */
export function progressing(observed: Observed, step: Step, everythingReady: boolean): Verdict {
  const { cluster } = observed;
  const before = cluster.status?.conditions?.find(({ type }) => type === 'Progressing');
  const creating = before === undefined || before.reason === 'Creating';
  if (creating && !everythingReady) {
    return verdict(
      'Progressing',
      'True',
      'Creating',
      'The parts are being made and started: see the other conditions.',
    );
  }
  const rolling = rollingRedis(observed, step) ?? rollingApp(observed);
  return (
    resizing(observed) ??
    rotating(observed) ??
    switchingOver(step) ??
    scaling(observed, step, everythingReady) ??
    (rolling && { ...rolling, message: `${rolling.message}${naming(obstacleOf(observed))}` }) ??
    healthy('Progressing', 'Everything is as the spec says.')
  );
}

function rotating(observed: Observed): Verdict | undefined {
  const rotation = rotationFor(observed);
  if (rotation.kind === 'none') return undefined;
  const why = rotation.kind === 'wait' ? `: ${rotation.why}` : '';
  return verdict('Progressing', 'True', 'RotatingCredentials', `Redis's password is being changed${why}.`);
}

const switchingOver = (step: Step): Verdict | undefined =>
  step.kind === 'switchOver'
    ? verdict(
        'Progressing',
        'True',
        'SwitchingOver',
        `${step.from} hands over to a replica, before it is ${step.task === 'rolling' ? 'restarted' : 'removed'}.`,
      )
    : undefined;

function scaling(observed: Observed, step: Step, everythingReady: boolean): Verdict | undefined {
  const wanted = redisReplicasOf(observed.cluster);
  const running = runningOf(observed);
  const before = observed.cluster.status?.conditions?.find(({ type }) => type === 'Progressing');
  // Pods that were removed have to be gone, and new ones to be there.
  const settling = !everythingReady || redisPodsOf(observed).length !== wanted;
  if (running === wanted && !(before?.reason === 'ScalingRedis' && settling)) return undefined;
  const why = step.kind === 'wait' && step.task === 'scaling' ? `: ${step.why}` : '';
  return verdict('Progressing', 'True', 'ScalingRedis', `Redis goes to ${wanted} pods${why}.`);
}

function resizing({ cluster, claims }: Observed): Verdict | undefined {
  const wanted = amount(cluster.spec.redis.storage?.size);
  if (wanted === undefined) return undefined;
  const small = claims.filter(({ status }) => {
    const capacity = amount(status?.capacity?.['storage']);
    return capacity !== undefined && capacity < wanted;
  });
  if (small.length === 0) return undefined;
  const text = `${small.length} volumes grow to ${cluster.spec.redis.storage?.size}.`;
  return verdict('Progressing', 'True', 'ResizingStorage', text);
}

/** What a pod of a rollout meets that time does not mend, by itself at least: the rollout waits for it. */
export function obstacleOf(observed: Observed): PodTrouble | undefined {
  const troubles = [
    ...(isAppRolling(observed) ? appTroubles(observed) : []),
    ...(isRedisRolling(observed) ? troublesOf(observed.redisPods, '') : []),
  ];
  return troubles.find(({ kind }) => ['image', 'crash', 'config'].includes(kind));
}

const isRedisRolling = (observed: Observed): boolean =>
  redisPodsOf(observed).some(({ outdated }) => outdated);

/** Also when all pods are replaced and the new ones have not come up: the Deployment says when it is done. */
const isAppRolling = ({ deployment }: Observed): boolean => {
  const progressing = deployment?.status?.conditions?.find(({ type }) => type === 'Progressing');
  return (
    rollingApp({ deployment }) !== undefined ||
    (progressing !== undefined && progressing.reason !== 'NewReplicaSetAvailable')
  );
};

const naming = (trouble: PodTrouble | undefined): string =>
  trouble ? ` Pod ${trouble.pod}: ${trouble.message}.` : '';

function rollingRedis(observed: Observed, step: Step): Verdict | undefined {
  const { statefulSet } = observed;
  if (!statefulSet) return undefined;
  const behind = (statefulSet.status?.observedGeneration ?? 0) < (statefulSet.metadata.generation ?? 0);
  const pods = redisPodsOf(observed);
  const current = pods.filter(({ outdated }) => !outdated).length;
  // The last pod of a roll has to come up as well.
  const before = observed.cluster.status?.conditions?.find(({ type }) => type === 'Progressing');
  const wasRolling = before !== undefined && ['RollingRedis', 'SwitchingOver'].includes(before.reason);
  const starting = pods.length < runningOf(observed) || pods.some(({ ready, going }) => !ready || going);
  if (!behind && current === pods.length && !(wasRolling && starting)) return undefined;
  const why = step.kind === 'wait' ? ` Waiting: ${step.why}.` : '';
  const text = `${current} of ${runningOf(observed)} Redis pods run as the spec says.${why}`;
  return verdict('Progressing', 'True', 'RollingRedis', text);
}

function rollingApp({ deployment }: Pick<Observed, 'deployment'>): Verdict | undefined {
  if (!deployment) return undefined;
  const { metadata, status, spec } = deployment;
  const behind = (status?.observedGeneration ?? 0) < (metadata.generation ?? 0);
  const { updatedReplicas = 0, replicas = 0 } = status ?? {};
  const wanted = spec?.replicas ?? 0;
  if (!behind && updatedReplicas >= wanted && replicas <= wanted) return undefined;
  const text =
    updatedReplicas > wanted
      ? `${replicas} app pods run and ${wanted} are wanted: the others are stopping.`
      : `${updatedReplicas} of ${wanted} app pods run as the spec says.`;
  return verdict('Progressing', 'True', 'RollingApp', text);
}
