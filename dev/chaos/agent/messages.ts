/** What the agent in a pod and the driver say to each other: JSON, one object a line. Times are the agent's clock. */

/** Given to the agent when it starts. */
export interface AgentParameters {
  /** Tells the runs apart; a part of every key. */
  run: string;
  /** Key of the string that this agent's writer sets bits in. */
  key: string;
  /** Replicas that must confirm a write before it counts as acknowledged. Absent: as many as the sidecar asks for. */
  replicas?: number;
  /** Pause after each operation. */
  paceMs: number;
}

/** What the agent prints when it has started. */
export interface AgentStarted {
  pid: number;
  port: number;
  /** What it was started with: pids and ports come again in a container that was restarted. */
  key: string;
}

/** Operations that were acknowledged one after another, with no pause above `STRETCH_MS`. */
export interface AckedRange {
  from: number;
  to: number;
  fromMs: number;
  toMs: number;
}

/** Two acknowledgements that are further apart are two ranges. */
export const STRETCH_MS = 250;

/** A Redis that says it is a primary, as it was without a change from `fromMs` to `toMs`. */
export interface PrimarySeen {
  address: string;
  /** Redis's `run_id`: tells processes apart, where addresses are given to others later. */
  runId: string;
  /** It would take a write: it is loaded, and enough replicas are near. */
  writable: boolean;
  /** Replicas whose lag is small enough (`min_slaves_good_slaves`). */
  goodReplicas: number;
  fromMs: number;
  toMs: number;
}

/** What happened since the last batch. One comes each second at least. */
export interface Batch {
  kind: 'batch';
  /** From 1, without a gap. */
  seq: number;
  sentMs: number;
  acked: AckedRange[];
  /** Operations that were not acknowledged, by what was said. */
  failed: Record<string, number>;
  primaries: PrimarySeen[];
}

/** Answer to a `read`. */
export interface ReadAnswer {
  kind: 'answer';
  id: number;
  /** Base64 of the string; empty when there is none. */
  bits?: string;
  error?: string;
}

export type FromAgent = Batch | ReadAnswer;

export type ToAgent =
  /** The first line of every connection: send again what comes after this batch, then what is new. */
  | { do: 'resume'; after: number }
  /** Everything up to this batch need not be kept any more. */
  | { do: 'received'; seq: number }
  /** Give the string, as the primary that the Sentinels name has it. */
  | { do: 'read'; id: number; key: string }
  /** Write nothing more. */
  | { do: 'rest' }
  | { do: 'remove'; id: number; keys: string[] }
  | { do: 'end' };
