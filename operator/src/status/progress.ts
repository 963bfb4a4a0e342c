import { amount } from '../covers.ts';
import type { Observed } from '../observe.ts';
import { appTroubles } from './app.ts';
import { type PodTrouble, troublesOf } from './pods.ts';
import { healthy, type Verdict, verdict } from './verdict.ts';

/** Progressing: something asked for is on its way. */
export function progressing(observed: Observed, everythingReady: boolean): Verdict {
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
  const rolling = rollingRedis(observed) ?? rollingApp(observed);
  return (
    resizing(observed) ??
    (rolling && { ...rolling, message: `${rolling.message}${naming(obstacleOf(observed))}` }) ??
    healthy('Progressing', 'Everything is as the spec says.')
  );
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
    ...(rollingRedis(observed) ? troublesOf(observed.redisPods, '') : []),
  ];
  return troubles.find(({ kind }) => ['image', 'crash', 'config'].includes(kind));
}

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

function rollingRedis({ statefulSet }: Observed): Verdict | undefined {
  if (!statefulSet) return undefined;
  const { metadata, status, spec } = statefulSet;
  const behind = (status?.observedGeneration ?? 0) < (metadata.generation ?? 0);
  const { updatedReplicas = 0, updateRevision, currentRevision } = status ?? {};
  const wanted = spec?.replicas ?? 0;
  if (!behind && (updateRevision === currentRevision || updatedReplicas >= wanted)) return undefined;
  const text = `${updatedReplicas} of ${wanted} Redis pods run as the spec says.`;
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
