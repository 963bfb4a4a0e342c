import type { HyperpageCluster } from '@hyperpage/contract';
import { EXPIRY_WARNING_DAYS } from '../certificates.ts';
import { DEFAULT_GRACE_SECONDS, LEAST_GRACE_SECONDS } from '../desired/index.ts';
import type { Observed } from '../observe.ts';
import { healthy, type Verdict, verdict } from './verdict.ts';

/** Paused: the user asked the operator to write nothing. */
export const paused = ({ spec }: HyperpageCluster): Verdict =>
  spec.paused
    ? verdict('Paused', 'True', 'PausedByUser', 'spec.paused is true: nothing is written but this status.')
    : healthy('Paused', 'spec.paused is false.');

/** ConfigurationWarning: the spec is valid and promises less than one may think, or will not hold for long. */
export function configurationWarning(observed: Observed, nowMs: number): Verdict {
  const warnings = [...certificateWarnings(observed, nowMs), ...warningsOf(observed.cluster)];
  const [first] = warnings;
  if (!first) return healthy('ConfigurationWarning', 'Nothing to warn of.');
  return verdict('ConfigurationWarning', 'True', first[0], warnings.map(([, message]) => message).join(' '));
}

type Warning = ['CertificateExpiring' | 'EphemeralSessions' | 'EvenSentinelCount' | 'GraceTooShort', string];

const DAY_MS = 86_400_000;

function certificateWarnings({ certificates, cluster }: Observed, nowMs: number): Warning[] {
  if (certificates.kind !== 'present' || certificates.expiresAtMs === undefined) return [];
  const { expiresAtMs } = certificates;
  if (expiresAtMs - nowMs > EXPIRY_WARNING_DAYS * DAY_MS) return [];
  const date = new Date(expiresAtMs).toISOString().slice(0, 10);
  const name = cluster.spec.redis.tls?.secretName;
  const when = expiresAtMs < nowMs ? 'has expired on' : 'expires on';
  return [['CertificateExpiring', `The certificate in Secret ${name} ${when} ${date}: renew it.`]];
}

function warningsOf({ spec: { app, redis } }: HyperpageCluster): Warning[] {
  const warnings: Warning[] = [];
  if (redis.mode === 'Sentinel' && redis.replicas % 2 === 0) {
    const text = `${redis.replicas} Sentinels survive no more losses than ${redis.replicas - 1}: write redis.replicas: ${redis.replicas + 1}.`;
    warnings.push(['EvenSentinelCount', text]);
  }
  const template: { terminationGracePeriodSeconds?: number } | undefined = app.podTemplate?.spec;
  const grace = template?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  if (grace < LEAST_GRACE_SECONDS) {
    const text = `app.podTemplate gives pods ${grace} s to stop: the sidecar may be killed before it hands over; write at least ${LEAST_GRACE_SECONDS}.`;
    warnings.push(['GraceTooShort', text]);
  }
  if (redis.mode !== 'External' && !redis.storage) {
    const text =
      'Redis has no volumes: sessions are lost when all its pods are gone at once; set redis.storage to keep them.';
    warnings.push(['EphemeralSessions', text]);
  }
  return warnings;
}
