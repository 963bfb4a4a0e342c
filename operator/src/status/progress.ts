import { amount } from '../covers.ts';
import type { Observed } from '../observe.ts';
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
  return (
    resizing(observed) ??
    rollingRedis(observed) ??
    rollingApp(observed) ??
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

function rollingApp({ deployment }: Observed): Verdict | undefined {
  if (!deployment) return undefined;
  const { metadata, status, spec } = deployment;
  const behind = (status?.observedGeneration ?? 0) < (metadata.generation ?? 0);
  const { updatedReplicas = 0, replicas = 0 } = status ?? {};
  const wanted = spec?.replicas ?? 0;
  if (!behind && updatedReplicas >= wanted && replicas <= updatedReplicas) return undefined;
  return verdict(
    'Progressing',
    'True',
    'RollingApp',
    `${updatedReplicas} of ${wanted} app pods run as the spec says.`,
  );
}
