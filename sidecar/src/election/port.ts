import type { LeaderEventName, LeaderView } from '@hyperpage/contract';

/** Who leads among the app's pods, as this sidecar knows it. */
export interface LeaderElection {
  /** True at the moment of the call, also after a pause of the process. */
  view(): LeaderView;
  /** Calls `listener` after every change, with the state of that moment. Gives the way to stop. */
  on(listener: (event: LeaderEventName, view: LeaderView) => void): () => void;
  /** Gives leadership up for so long. False when this pod does not lead. */
  stepDown(forMs: number): boolean;
  start(): void;
  /** Whether it is known who leads, or that nobody does. */
  ready(): boolean;
  /** Steps down, gives the Lease up and tells the others. */
  stop(): Promise<void>;
}
