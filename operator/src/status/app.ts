import { SIDECAR_CONTAINER } from '../desired/index.ts';
import type { Observed } from '../observe.ts';
import { type PodTrouble, troublesOf } from '../pods.ts';
import { healthy, notObserved, type Verdict, verdict } from './verdict.ts';

/** App pods: how many there should be, are ready, and must be for the app to be available. */
export function appCounts({ deployment }: Pick<Observed, 'deployment'>) {
  const wanted = deployment?.spec?.replicas ?? 0;
  return {
    wanted,
    available: deployment?.status?.availableReplicas ?? 0,
    /** One pod, or a quarter of them, may be missing: that is less redundancy, not an outage. */
    minimum: Math.min(wanted, Math.max(1, wanted - Math.max(1, Math.floor(wanted / 4)))),
  };
}

export const appTroubles = ({ appPods }: Pick<Observed, 'appPods'>): PodTrouble[] =>
  troublesOf(appPods, SIDECAR_CONTAINER);

/** AppAvailable: enough app pods are ready. */
export function appAvailable(observed: Observed): Verdict {
  const { deployment } = observed;
  if (!deployment) return verdict('AppAvailable', 'False', 'Creating', 'The Deployment is being made.');
  const { wanted, available, minimum } = appCounts(observed);
  if (available >= minimum) {
    return healthy('AppAvailable', `${available} of ${wanted} app pods are available.`);
  }
  const counts = `${available} of ${wanted} app pods are available, ${minimum} are needed`;
  const troubles = appTroubles(observed);
  const first = (kind: PodTrouble['kind']) => troubles.find((trouble) => trouble.kind === kind);
  const say = (trouble: PodTrouble, advice: string) =>
    `${counts}. Pod ${trouble.pod}: ${trouble.message}. ${advice}`;
  const image = first('image');
  if (image) {
    const advice = 'Check spec.app.image and spec.sidecar.image, and the pull secret (app.podTemplate).';
    return verdict('AppAvailable', 'False', 'ImagePullFailed', say(image, advice));
  }
  const crash = first('crash');
  if (crash) {
    return verdict(
      'AppAvailable',
      'False',
      'CrashLooping',
      say(crash, 'Look at its logs (kubectl logs --previous).'),
    );
  }
  const other = first('config') ?? first('unschedulable');
  if (other) return verdict('AppAvailable', 'False', 'NotEnoughReplicas', say(other, 'Mend that.'));
  const sidecar = first('sidecar');
  if (sidecar) {
    const advice =
      'It waits for Redis and the leader Lease: see RedisAvailable, and the logs of container sidecar.';
    return verdict('AppAvailable', 'False', 'SidecarNotReady', say(sidecar, advice));
  }
  const reason = isFirstStart(observed) ? 'Creating' : 'NotEnoughReplicas';
  return verdict('AppAvailable', 'False', reason, `${counts}. Pods are starting or not ready.`);
}

/** True until the app has been available once. */
const isFirstStart = ({ cluster }: Observed): boolean => {
  const before = cluster.status?.conditions?.find(({ type }) => type === 'AppAvailable');
  return before === undefined || before.reason === 'Creating';
};

/** AutoscalingActive: what the HPA itself says. */
export function autoscalingActive({ cluster, autoscaler }: Observed): Verdict {
  if (!cluster.spec.autoscaling) {
    return verdict(
      'AutoscalingActive',
      'False',
      'Disabled',
      'spec.autoscaling is absent: app.replicas rules.',
    );
  }
  const active = autoscaler?.status?.conditions?.find(({ type }) => type === 'ScalingActive');
  if (!active) return notObserved('The HorizontalPodAutoscaler has not looked yet.');
  return {
    status: active.status === 'True' ? 'True' : active.status === 'False' ? 'False' : 'Unknown',
    reason: active.reason ?? 'NotObserved',
    message: active.message ?? '',
  };
}
