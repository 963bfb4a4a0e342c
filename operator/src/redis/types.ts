/** What is known of a Redis topology at one instant. Addresses are `ip:port`. */
export interface RedisObservation {
  /** Redis pods that there should be now: while the number changes, those that the StatefulSet was told to run. */
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
  /** Bytes of the replication stream that it has written or applied. Comparable along one primary only. */
  offset: number;
  /** 0: Sentinel never elects it. So it is until its first synchronisation (scripts/follow.sh). */
  priority: number;
  /** What CONFIG GET answers for the directives that were asked for. */
  settings: Readonly<Record<string, string>>;
  credentials: CredentialReading;
  /** Sidecars' connections, where they were asked for (`RedisQuestions.clients`). */
  clients?: ClientReading;
}

export interface SentinelReading {
  /** Whom it takes for the primary; absent while it watches nothing. */
  primary?: string;
  /** Other Sentinels that it knows: it learns them within seconds, from the Redis that they all watch. */
  knows: number;
  failingOver: boolean;
  /** It holds the primary for down, whether or not the others agree. */
  primaryDown: boolean;
  /** Sentinels that must hold the primary for down before it is. */
  quorum: number;
  /** Replicas that it knows, with what it last heard of them. */
  replicas: ReadonlyArray<{ address: string; down: boolean; priority: number }>;
  credentials: CredentialReading;
  clients?: ClientReading;
}

/** Which passwords a server takes and which it uses itself, as SHA-256 in hexadecimal: nothing here is a secret that
 *  could be logged in clear. */
export interface CredentialReading {
  accepts: readonly string[];
  /** Towards its primary (Redis), or towards the other Sentinels. */
  uses: string;
}

/** Connections of sidecars to one server. */
export interface ClientReading {
  /** Generations of the password with which they authenticated, by address of the pod. */
  generations: ReadonlyArray<{ ip: string; generation: number }>;
}

/** Where one Redis pod is. */
export interface RedisTarget {
  pod: string;
  /** Absent while the pod has no address. */
  ip?: string;
  /** Whether a Sentinel runs beside it: not in a pod that was made in mode Standalone. */
  sentinel: boolean;
}

export interface Credentials {
  password?: string;
  /** Others that may be right while the password is rotated. */
  others?: readonly string[];
  tls?: TlsCredentials;
}

/** How to verify whom one speaks to. */
export interface TlsCredentials {
  /** Certificates that are trusted, PEM. */
  ca: string;
  /** Name that the certificate must hold, whatever the address; absent: the URL's host. */
  serverName?: string;
}

/** What to ask beyond the state of the topology. */
export interface RedisQuestions {
  /** Directives whose values are read. */
  settings: readonly string[];
  /** Whether to ask for the sidecars' connections. */
  clients: boolean;
}

/** Reads Redis. Every method rejects when there is no answer in about a second; none ever writes. */
export interface RedisProbe {
  node(address: string, credentials: Credentials, questions: RedisQuestions): Promise<NodeReading>;
  sentinel(
    address: string,
    credentials: Credentials,
    primaryName: string,
    questions: RedisQuestions,
  ): Promise<SentinelReading>;
  /** A Redis of the user's own, by URL. Nothing but INFO is asked of it. */
  external(url: string, credentials: Credentials): Promise<NodeReading>;
  /** Closes what is open. */
  close(): void;
}

/** Writes to a Redis or a Sentinel: all commands at once and in order, over one connection, so that nothing comes
 *  between them. Gives the answers. Rejects with the first error whose message does not match `tolerated`. */
export type RedisOrders = (
  address: string,
  credentials: Credentials,
  commands: readonly (readonly string[])[],
  tolerated?: RegExp,
) => Promise<unknown[]>;
