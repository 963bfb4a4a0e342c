/** A Kubernetes Lease (coordination.k8s.io/v1), as far as an election reads and writes it. What else is in the object
 *  (labels, owner references) goes back as it came: an update replaces the whole. */
export interface Lease {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name?: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    annotations?: Record<string, string>;
    [other: string]: unknown;
  };
  spec?: LeaseSpec;
}

export interface LeaseSpec {
  /** `<pod>_<bootId>`, '' when released or never held, or UNKNOWN_HOLDER. */
  holderIdentity?: string;
  /** Whole seconds. */
  leaseDurationSeconds?: number;
  /** MicroTime, as is `renewTime`. For people: no decision reads another machine's clock. */
  acquireTime?: string;
  renewTime?: string;
  /** Changes of holder. A deleted Lease starts it again, which is why terms are kept apart. */
  leaseTransitions?: number;
}

export type ReadOutcome =
  | { kind: 'found'; lease: Lease }
  | { kind: 'missing' }
  | { kind: 'failed'; error: unknown; retryAfterMs?: number };

export type WriteOutcome =
  /** Done; `lease` is as it stands now, with its new resourceVersion. */
  | { kind: 'written'; lease: Lease }
  /** Not done: the Lease has another resourceVersion by now, or (on create) exists. */
  | { kind: 'conflict' }
  /** Not done: there is no such Lease. */
  | { kind: 'missing' }
  /** Not done, for another reason. */
  | { kind: 'refused'; error: unknown; retryAfterMs?: number }
  /** No answer: perhaps done, perhaps done later. */
  | { kind: 'unknown'; error: unknown };

/** Where the Lease is kept. Every call ends, in a time that the adapter bounds, with an outcome; none throws. */
export interface LeasePort {
  read(): Promise<ReadOutcome>;
  create(lease: Lease): Promise<WriteOutcome>;
  /** Compare-and-swap: done only if the Lease still has `lease.metadata.resourceVersion`. */
  update(lease: Lease): Promise<WriteOutcome>;
}

/** Kubernetes' MicroTime, which has exactly 6 digits: `wallMicros` are microseconds since the epoch. */
export function microTime(wallMicros: number): string {
  const micros = Math.floor(wallMicros);
  const seconds = new Date(Math.floor(micros / 1e6) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1e6).padStart(6, '0')}Z`;
}

/** `<pod>_<bootId>`: a restarted process is another candidate. */
export const identityOf = (pod: string, bootId: string) => `${pod}_${bootId}`;

/** The pod in an identity (pod names have no underscore). */
export const podOf = (identity: string) => {
  const end = identity.lastIndexOf('_');
  return end < 0 ? identity : identity.slice(0, end);
};
