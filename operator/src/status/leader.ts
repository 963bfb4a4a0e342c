import { type ClusterStatus, UNKNOWN_HOLDER } from '@hyperpage/contract';
import type { Observed } from '../observe.ts';
import { termOf } from '../plan.ts';
import { healthy, notObserved, type Verdict, verdict } from './verdict.ts';

/** Pod part of a holder identity, `<pod>_<boot id>`. */
const podOf = (holder: string): string => {
  const underscore = holder.indexOf('_');
  return underscore < 0 ? holder : holder.slice(0, underscore);
};

/** Whoever holds the Lease and has renewed it lately, by our own clock. */
function holderOf({ lease, leaseSilentMs }: Observed): { pod: string; expired: boolean } | undefined {
  const holder = lease?.spec?.holderIdentity;
  if (!holder || holder === UNKNOWN_HOLDER) return undefined;
  const durationMs = (lease?.spec?.leaseDurationSeconds ?? 0) * 1000;
  return { pod: podOf(holder), expired: leaseSilentMs > durationMs };
}

/** LeaderElected: somebody holds the Lease and renews it. */
export function leaderElected(observed: Observed): Verdict {
  const { cluster, lease } = observed;
  if (!cluster.spec.leaderElection.enabled) {
    return verdict('LeaderElected', 'False', 'Disabled', 'spec.leaderElection.enabled is false.');
  }
  if (!lease) return notObserved('The leader Lease is being made.');
  const holder = holderOf(observed);
  if (!holder) {
    const why =
      lease.spec?.holderIdentity === UNKNOWN_HOLDER
        ? 'The Lease was deleted and made again: the pods wait one full duration, as somebody may still believe to lead.'
        : 'No pod leads: none has asked for it yet, or the last one gave it back.';
    return verdict('LeaderElected', 'False', 'NoCandidate', why);
  }
  if (holder.expired) {
    const text = `${holder.pod} no longer renews the Lease and nobody has taken over: see AppAvailable and the logs of container sidecar.`;
    return verdict('LeaderElected', 'False', 'LeaseExpired', text);
  }
  return healthy('LeaderElected', `${holder.pod} leads in term ${termOf(observed)}.`);
}

/** status.leader: who leads now. While nobody does, the last term is kept, so that it never starts again at 0. */
export function leaderStatus(observed: Observed): ClusterStatus['leader'] {
  const { cluster, lease } = observed;
  const previous = cluster.status?.leader;
  const holder = holderOf(observed);
  const term = termOf(observed);
  if (!cluster.spec.leaderElection.enabled || !holder || holder.expired || !lease) {
    return previous ? { ...previous, pod: '', term } : undefined;
  }
  const since = lease.spec?.acquireTime ?? lease.metadata.creationTimestamp;
  return { pod: holder.pod, term, since };
}
