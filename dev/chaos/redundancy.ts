import type { PrimarySeen } from './agent/messages.ts';
import type { Snapshot } from './site.ts';

/** What is still missing until the cluster could take the next fault; undefined when nothing is. It believes the
 *  operator's conditions only together with what the observers see themselves. `primaries` is what they saw in the last
 *  seconds. */
export function missingRedundancy(snapshot: Snapshot, primaries: readonly PrimarySeen[]): string | undefined {
  const { redis } = snapshot.cluster.spec;
  const wanted = redis.mode === 'Sentinel' ? redis.replicas : 1;
  const ready = snapshot.redis.filter((pod) => pod.ready);
  if (ready.length < wanted) return `${ready.length} of ${wanted} Redis pods are ready`;
  if (!snapshot.revision || snapshot.redis.some((pod) => pod.revision !== snapshot.revision))
    return 'not every Redis pod is of the present revision';
  return missingReplication(primaries, wanted - 1) ?? unhealthyCondition(snapshot);
}

/** The part of it that needs no API server. */
export function missingReplication(primaries: readonly PrimarySeen[], replicas: number): string | undefined {
  const latest = new Map<string, PrimarySeen>();
  for (const one of [...primaries].sort((a, b) => a.toMs - b.toMs)) latest.set(one.runId, one);
  const [primary, ...others] = latest.values();
  if (!primary) return 'no observer sees a primary';
  if (others.length > 0) return `observers see ${latest.size} primaries`;
  if (!primary.writable) return `the primary ${primary.address} takes no writes`;
  if (primary.goodReplicas < replicas)
    return `${primary.goodReplicas} of ${replicas} replicas keep up with the primary ${primary.address}`;
  return undefined;
}

const HEALTHY: Readonly<Record<string, string>> = { Ready: 'True', Degraded: 'False', Progressing: 'False' };

function unhealthyCondition({ cluster }: Snapshot): string | undefined {
  const { status, metadata } = cluster;
  if ((status?.observedGeneration ?? 0) < metadata.generation)
    return 'the operator has not seen the spec yet';
  for (const [type, healthy] of Object.entries(HEALTHY)) {
    const condition = status?.conditions?.find((one) => one.type === type);
    if (condition?.status !== healthy)
      return condition
        ? `${type}=${condition.status} ${condition.reason}: ${condition.message}`
        : `there is no condition ${type}`;
  }
  return undefined;
}

/** The conditions as lines for people. */
export const conditionLines = ({ cluster }: Snapshot): string[] =>
  (cluster.status?.conditions ?? []).map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
  );
