/** What is known of a Redis topology at one instant. Addresses are `ip:port`. */
export interface RedisObservation {
  /** Redis pods that there should be. */
  expected: number;
  /** True when every pod that is missing below provably holds no data: it never ran, and has no volume. */
  missingAreEmpty: boolean;
  nodes: NodeView[];
  /** None in modes Standalone and External. */
  sentinels: SentinelView[];
}

/** One Redis. */
export type NodeView = Unreachable | (NodeReading & { reachable: true; pod: string; address: string });
/** One Sentinel. */
export type SentinelView =
  | Unreachable
  | (SentinelReading & { reachable: true; pod: string; address: string });

export interface Unreachable {
  reachable: false;
  pod: string;
  address: string;
  problem: string;
}

export interface NodeReading {
  /** `unassigned`: a replica of nothing, waiting to be told whom to follow (desired/redis-topology.ts). */
  role: 'primary' | 'replica' | 'unassigned';
  /** An unassigned Redis that was the primary when it stopped. */
  formerPrimary: boolean;
  /** Whom a replica follows. */
  follows?: string;
  linkUp: boolean;
  /** It is still reading its data from disk. */
  loading: boolean;
  /** Keys in it. */
  keys: number;
  /** Why a primary refuses writes; absent when it takes them. */
  refuses?: string;
  /** Replicas of a primary that are connected, and the longest silence of one, in seconds. */
  connectedReplicas: number;
  slowestReplicaSeconds: number;
}

export interface SentinelReading {
  /** Whom it takes for the primary; absent while it watches nothing. */
  primary?: string;
  /** Other Sentinels that it knows: it learns them within seconds, from the Redis that they all watch. */
  knows: number;
  failingOver: boolean;
  /** It holds the primary for down, whether or not the others agree. */
  primaryDown: boolean;
}

/** Where one Redis pod is. */
export interface RedisTarget {
  pod: string;
  /** Absent while the pod has no address. */
  ip?: string;
}

export interface Credentials {
  password?: string;
}

/** Reads Redis. Every method rejects when there is no answer in about a second; none ever writes. */
export interface RedisProbe {
  node(address: string, credentials: Credentials): Promise<NodeReading>;
  sentinel(address: string, credentials: Credentials, primaryName: string): Promise<SentinelReading>;
  /** A Redis of the user's own, by URL. */
  external(url: string): Promise<NodeReading>;
  /** Closes what is open. */
  close(): void;
}

/** Writes to a Redis or a Sentinel: all commands at once and in order, over one connection, so that nothing comes
 *  between them. Rejects with the first error whose message does not match `tolerated`. */
export type RedisOrders = (
  address: string,
  credentials: Credentials,
  commands: readonly (readonly string[])[],
  tolerated?: RegExp,
) => Promise<void>;
