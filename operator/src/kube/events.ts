import type { Stored } from './wire.ts';

/** Writes Kubernetes Events, as `kubectl describe` shows them. Never fails, never blocks and never floods. */
export interface EventRecorder {
  /** Notes that `event` happened to `regarding`. The same event again is counted, not written again. */
  record(regarding: Stored, event: ClusterEvent): void;
  /** Resolves once what was recorded has been written or given up; takes no more. */
  stop(): Promise<void>;
}

export interface ClusterEvent {
  type: 'Normal' | 'Warning';
  /** Why, in CamelCase, such as `LeaderChanged`. */
  reason: string;
  /** What the operator did or saw, in CamelCase, such as `Reconcile`. */
  action: string;
  /** A sentence for people; at most 1024 bytes are kept. No secrets. */
  note: string;
}
