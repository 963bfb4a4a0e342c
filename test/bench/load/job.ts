/** What the load process does: it is a process of its own, so that its garbage and its timers are nobody else's. */
export interface Job {
  target: HttpTarget | RedisTarget;
  /** Connections, each with one request in flight at most. */
  connections: number;
  /** Not counted; lets both sides warm up. */
  warmupMs: number;
  forMs: number;
  /** Requests a second in all. Absent: each connection sends its next request when it has its answer. */
  perSecond?: number;
}

export interface HttpTarget {
  kind: 'http';
  port: number;
  /** Sent in turn. */
  requests: HttpRequest[];
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PATCH';
  path: string;
  cookie?: string;
  /** JSON. */
  body?: string;
}

export interface RedisTarget {
  kind: 'redis';
  port: number;
  /** Each a pipeline of commands; sent in turn. */
  pipelines: string[][][];
}

export interface JobResult {
  /** Latency of each request, in milliseconds. */
  samples: number[];
  perSecond: number;
  /** Answers that were not what they should be, with how often. */
  errors: Record<string, number>;
}

/** Sends request number `turn` and resolves with its answer's arrival. @throws Error on a wrong answer. */
export type Call = (connection: number, turn: number) => Promise<void>;
