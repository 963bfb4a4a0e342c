import { LEASE_ANNOTATIONS, UNKNOWN_HOLDER } from '@hyperpage/contract';
import { type Elector, electorsOf, withElectors } from './electors.ts';
import { type Lease, microTime } from './lease.ts';
import type { ElectionState, Instant, Write } from './state.ts';
import { termOf } from './term.ts';

/** What the Lease says, and what to write into it. */

export type Holder = 'free' | 'us' | 'unknown' | 'other';

export function holderOf(lease: Lease, identity: string): Holder {
  const holder = lease.spec?.holderIdentity ?? '';
  if (holder === '') return 'free';
  if (holder === identity) return 'us';
  return holder === UNKNOWN_HOLDER ? 'unknown' : 'other';
}

/** The duration that the Lease names, in milliseconds; undefined when it names none. */
export function durationMs(lease: Lease | undefined): number | undefined {
  const seconds = lease?.spec?.leaseDurationSeconds;
  return seconds !== undefined && seconds > 0 ? seconds * 1000 : undefined;
}

/** Two readings with the same key are one stretch of silence. Not the resourceVersion: someone who edits a label
 *  must not keep a dead leader in office. Every renewal has a renewTime of its own. */
export const silenceKey = (lease: Lease | undefined) =>
  lease === undefined
    ? 'missing'
    : JSON.stringify([
        lease.metadata.uid,
        lease.spec?.holderIdentity,
        lease.spec?.renewTime,
        lease.spec?.leaseDurationSeconds,
      ]);

const stamp = (state: ElectionState, now: Instant) =>
  Math.max(Math.floor(now.wallMs * 1000), state.lastWriteMicros + 1);

const withTerm = (lease: Lease, term: number, electors: readonly Elector[], spec: Lease['spec']): Lease => ({
  ...lease,
  metadata: {
    ...lease.metadata,
    annotations: {
      ...withElectors(lease.metadata.annotations ?? {}, term, electors),
      [LEASE_ANNOTATIONS.term]: String(term),
    },
  },
  spec: { ...lease.spec, ...spec },
});

/** A term above every one that is known to be used or promised (invariant E2). */
export const nextTerm = (state: ElectionState, lease: Lease | undefined): number =>
  Math.max(state.highestTerm, state.refusedTerm, state.promised?.term ?? 0, lease ? termOf(lease) : 0) + 1;

const finish = (kind: Write['kind'], lease: Lease, term: number, now: Instant, micros: number) => ({
  write: { kind, lease, term, sentAtMs: now.monotonicMs } satisfies Write,
  lastWriteMicros: micros,
});

/** Takes the Lease, and names its electors in the same write. */
export function acquisition(
  state: ElectionState,
  lease: Lease,
  now: Instant,
  { term, electors }: { term: number; electors: readonly Elector[] },
) {
  const { identity, timeoutMs } = state.config;
  const micros = stamp(state, now);
  const changesHolder = (lease.spec?.holderIdentity ?? '') !== identity;
  const next = withTerm(lease, term, electors, {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(timeoutMs / 1000),
    acquireTime: microTime(micros),
    renewTime: microTime(micros),
    leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + (changesHolder ? 1 : 0),
  });
  return finish('acquire', next, term, now, micros);
}

export function renewal(
  state: ElectionState,
  lease: Lease,
  now: Instant,
  { term, electors }: { term: number; electors: readonly Elector[] },
) {
  const micros = stamp(state, now);
  const next = withTerm(lease, term, electors, {
    leaseDurationSeconds: Math.ceil(state.config.timeoutMs / 1000),
    renewTime: microTime(micros),
  });
  return finish('renew', next, term, now, micros);
}

/** Gives the Lease up and keeps its term: the next holder needs no waiting. The electors but this one stay named, as the
 *  order in which they try. */
export function release(state: ElectionState, lease: Lease, now: Instant) {
  const micros = stamp(state, now);
  const others = electorsOf(lease).filter(({ id }) => id !== state.config.identity);
  const next = withTerm(lease, Math.max(state.highestTerm, termOf(lease)), others, {
    holderIdentity: '',
    renewTime: microTime(micros),
  });
  return finish('release', next, state.highestTerm, now, micros);
}

/** Makes a missing Lease, held by someone unknown. Nobody creates it for himself: a create cannot tell "missing all
 *  the time" from "made, taken and deleted meanwhile", as an update with its resourceVersion can. */
export function founding(state: ElectionState, now: Instant) {
  const micros = stamp(state, now);
  const bare: Lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      ...state.config.lease,
      annotations: state.lastMetadata?.annotations ?? {},
      labels: state.lastMetadata?.['labels'],
      // Without its owner the garbage collector would leave it behind, and the operator take it for a stranger's.
      ownerReferences: state.lastMetadata?.['ownerReferences'],
    },
  };
  const next = withTerm(bare, state.highestTerm, [], {
    holderIdentity: UNKNOWN_HOLDER,
    leaseDurationSeconds: Math.ceil(state.longestMs / 1000),
    renewTime: microTime(micros),
  });
  return finish('found', next, state.highestTerm, now, micros);
}
