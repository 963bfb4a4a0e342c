import {
  API_VERSION,
  type ClusterSpec,
  type Condition,
  type ConditionType,
  type HyperpageCluster,
  KIND,
} from '@hyperpage/contract';
import {
  createRegistry,
  KubeError,
  type KubeHttp,
  silentLogger,
  sleep,
  systemClock,
} from '@hyperpage/runtime';
import {
  createObjectClient,
  type Kind,
  type ObjectClient,
  objectPath,
  type Stored,
} from '../../operator/src/kube/index.ts';
import { createOperator, type Operator } from '../../operator/src/operator.ts';
import type { NodeReading, RedisProbe, SentinelReading } from '../../operator/src/redis/index.ts';
import { eventually } from './eventually.ts';

type Deep<T> = T extends object ? { [K in keyof T]?: Deep<T[K]> } : T;

/** Redis as the operator is told it is, by address; nobody answers at any other. */
export class FakeRedis implements RedisProbe {
  readonly nodes = new Map<string, NodeReading>();
  readonly sentinels = new Map<string, SentinelReading>();
  readonly ordered: string[] = [];
  answersAfterMs = 0;

  node = (address: string) => this.#answer(this.nodes, address);
  sentinel = (address: string) => this.#answer(this.sentinels, address);
  external = (url: string) => this.#answer(this.nodes, url);
  #answer = async <T>(readings: ReadonlyMap<string, T>, address: string) => {
    if (this.answersAfterMs > 0) await sleep(systemClock, this.answersAfterMs);
    return answerOf(readings, address);
  };
  orders = async (address: string, _credentials: unknown, commands: readonly (readonly string[])[]) => {
    for (const words of commands) this.ordered.push(`${address} ${words.slice(0, 2).join(' ')}`);
    return commands.map(() => undefined);
  };
  close = () => {};
}

const answerOf = <T>(readings: ReadonlyMap<string, T>, address: string): T => {
  const reading = readings.get(address);
  if (!reading) throw new Error('connect ECONNREFUSED');
  return reading;
};

export interface Request {
  method: string;
  path: string;
}

/** Counts what goes through, and fails every write from the `failFrom`th on as if the process had died. */
export class RecordingHttp implements KubeHttp {
  readonly requests: Request[] = [];
  readonly #http: KubeHttp;
  readonly #failFrom: number;

  constructor(http: KubeHttp, failFrom = Number.POSITIVE_INFINITY) {
    this.#http = http;
    this.#failFrom = failFrom;
  }

  /** Requests that are meant to change an object (not Events). */
  get writes(): Request[] {
    return this.requests.filter(({ method, path }) => method !== 'GET' && !path.includes('/events'));
  }
  request: KubeHttp['request'] = async (options) => {
    this.requests.push({ method: options.method, path: options.path });
    if (options.method !== 'GET' && this.writes.length > this.#failFrom) {
      throw new KubeError('the process is gone', 0, '');
    }
    return this.#http.request(options);
  };
  stream: KubeHttp['stream'] = (options) => this.#http.stream(options);
  close = () => {};
}

/** A namespace with HyperpageClusters and an operator that serves it. */
export class OperatorWorld {
  readonly namespace: string;
  readonly redis = new FakeRedis();
  /** As a user. */
  readonly objects: ObjectClient;
  readonly #http: KubeHttp;
  #operators: Operator[] = [];

  constructor(http: KubeHttp, namespace: string) {
    this.#http = http;
    this.namespace = namespace;
    this.objects = createObjectClient(http);
  }

  /** Starts an operator and gives what it sends. */
  async start(http: RecordingHttp = new RecordingHttp(this.#http)): Promise<RecordingHttp> {
    const operator = createOperator({
      http,
      probe: this.redis,
      orders: this.redis.orders,
      clock: systemClock,
      random: Math.random,
      log: silentLogger,
      registry: createRegistry({ processMetrics: false }),
      instance: 'operator-under-test',
      operatorNamespace: 'hyperpage-system',
      watchNamespace: this.namespace,
      workers: 2,
      redisIntervalMs: 500,
    });
    this.#operators.push(operator);
    operator.watch();
    await operator.synced();
    operator.lead();
    return http;
  }
  recording = (failFrom?: number) => new RecordingHttp(this.#http, failFrom);

  async stop(): Promise<void> {
    await Promise.all(this.#operators.map((operator) => operator.stop()));
    this.#operators = [];
  }

  key = (name: string) => ({ namespace: this.namespace, name });

  async make(spec: Deep<ClusterSpec>, name = 'demo'): Promise<HyperpageCluster> {
    return this.#http.request({
      method: 'POST',
      path: `/apis/${API_VERSION}/namespaces/${this.namespace}/hyperpageclusters`,
      body: { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec },
    });
  }
  async change(spec: Deep<ClusterSpec> | Record<string, unknown>, name = 'demo'): Promise<void> {
    await this.patch('HyperpageCluster', name, { spec });
  }
  async cluster(name = 'demo'): Promise<HyperpageCluster> {
    return (await this.get('HyperpageCluster', name)) as unknown as HyperpageCluster;
  }
  /** The object, which must be there. */
  async get<K extends Kind>(kind: K, name: string): Promise<Stored<K>> {
    const object = await this.objects.get(kind, this.key(name));
    if (!object) throw new Error(`there is no ${kind} ${name}`);
    return object;
  }
  /** Changes an object as another client does, with a field manager of its own. */
  patch<K extends Kind>(kind: K, name: string, body: object, subresource?: 'status'): Promise<Stored<K>> {
    return this.#http.request({
      method: 'PATCH',
      path: objectPath(kind, this.key(name), subresource),
      query: { fieldManager: 'someone-else' },
      contentType: 'application/merge-patch+json',
      body,
    });
  }

  exists = (kind: Kind, name: string) =>
    eventually(`${kind} ${name} is there`, () => this.objects.get(kind, this.key(name)));
  isGone = (kind: Kind, name: string) =>
    eventually(`${kind} ${name} is gone`, async () => !(await this.objects.get(kind, this.key(name))));

  async condition(type: ConditionType, name = 'demo'): Promise<Condition | undefined> {
    return (await this.cluster(name)).status?.conditions?.find((condition) => condition.type === type);
  }
  says(type: ConditionType, reason: string, name = 'demo'): Promise<Condition> {
    return eventually(`${type} is ${reason}`, async () => {
      const condition = await this.condition(type, name);
      return condition?.reason === reason && condition;
    });
  }

  /** Waits until the operator has written nothing for a while. */
  async quiet(http: RecordingHttp, forMs = 1500): Promise<void> {
    let count = -1;
    await eventually(
      'the operator is quiet',
      async () => {
        const before = count;
        count = http.writes.length;
        return before === count;
      },
      { everyMs: forMs },
    );
  }
}
