import { LEASE_ANNOTATIONS, UNKNOWN_HOLDER } from '@hyperpage/contract';
import {
  createElection,
  createKubeHttp,
  createKubeLeases,
  type Election,
  type KubeEndpoint,
  type KubeHttp,
  neverHeld,
  silentLogger,
  systemClock,
} from '@hyperpage/runtime';
import { freshNamespace, sharedApiServer } from '../support/apiserver.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';

const NAME = 'demo-leader';

/** A candidate that reaches the API server through a proxy of its own. */
interface Candidate {
  pod: string;
  election: Election;
  proxy: FaultProxy;
  terms: number[];
  end(): Promise<void>;
}

/** Two candidates for one Lease, and a look at both every few milliseconds. */
class Contest {
  readonly #candidates: Candidate[] = [];
  readonly #http: KubeHttp;
  readonly #endpoint: KubeEndpoint;
  readonly #namespace: string;
  readonly #watch: NodeJS.Timeout;
  bothAtOnce = 0;

  constructor(http: KubeHttp, endpoint: KubeEndpoint, namespace: string) {
    this.#http = http;
    this.#endpoint = endpoint;
    this.#namespace = namespace;
    this.#watch = setInterval(() => {
      const valid = this.#candidates.filter(({ election }) => election.view().isLeader);
      if (valid.length > 1) this.bothAtOnce += 1;
    }, 5);
  }

  /** The first leads, the second follows. */
  async begin(): Promise<[Candidate, Candidate]> {
    await this.#lease('POST', neverHeld(NAME, this.#namespace));
    const a = await this.#candidate('a');
    await eventually('the first leads', () => a.election.view().isLeader);
    const b = await this.#candidate('b');
    await eventually('the second knows', () => b.election.view().leader === 'a');
    return [a, b];
  }

  async deleteLease(): Promise<void> {
    await this.#lease('DELETE');
  }

  /** What the operator does when the Lease is gone. */
  async makeLeaseAnew(term: number): Promise<void> {
    await this.#lease('POST', {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: NAME, annotations: { [LEASE_ANNOTATIONS.term]: String(term) } },
      spec: { holderIdentity: UNKNOWN_HOLDER, leaseDurationSeconds: 3 },
    });
  }

  async end(): Promise<void> {
    clearInterval(this.#watch);
    for (const candidate of this.#candidates) await candidate.end();
  }

  async #lease(method: 'POST' | 'DELETE', body?: unknown): Promise<void> {
    const all = `/apis/coordination.k8s.io/v1/namespaces/${this.#namespace}/leases`;
    const path = method === 'POST' ? all : `${all}/${NAME}`;
    await this.#http.request({ method, path, ...(body === undefined ? {} : { body }) });
  }

  async #candidate(pod: string): Promise<Candidate> {
    const proxy = await startFaultProxy(this.#endpoint);
    const http = createKubeHttp(proxy.endpoint);
    const lease = { name: NAME, namespace: this.#namespace };
    const election = createElection({
      identity: `${pod}_1`,
      lease,
      timeoutMs: 3000,
      heartbeatMs: 1000,
      leases: createKubeLeases({ http, ...lease, requestTimeoutMs: 1000 }),
      clock: systemClock,
      random: Math.random,
      log: silentLogger,
    });
    const terms: number[] = [];
    election.on((notice) => {
      if (notice.kind === 'acquired') terms.push(notice.term);
    });
    election.start();
    const end = async () => {
      proxy.up();
      await election.stop();
      http.close();
      await proxy.stop();
    };
    const candidate = { pod, election, proxy, terms, end };
    this.#candidates.push(candidate);
    return candidate;
  }
}

describe('election on a real Lease', () => {
  let http: KubeHttp;
  let endpoint: KubeEndpoint;
  let contest: Contest;

  beforeAll(async () => {
    ({ http, endpoint } = await sharedApiServer());
  });
  afterAll(() => http.close());
  beforeEach(async () => {
    contest = new Contest(http, endpoint, await freshNamespace(http, 'election'));
  });
  afterEach(() => contest.end());

  test('a leader that stops hands over to whoever is told, under the next term', async () => {
    const [a, b] = await contest.begin();
    await a.election.stop();
    b.election.wake();
    await eventually('the second leads', () => b.election.view().isLeader);
    expect([a.terms, b.terms]).toEqual([[1], [2]]);
    expect(contest.bothAtOnce).toBe(0);
  });

  test('a leader that is cut off steps down before another leads, and follows when it is back', async () => {
    const [a, b] = await contest.begin();
    a.proxy.down();
    await eventually('the first has stepped down', () => !a.election.view().isLeader);
    expect(b.election.view().isLeader).toBe(false);
    await eventually('the second leads', () => b.election.view().isLeader);
    a.proxy.up();
    await eventually('the first knows', () => a.election.view().leader === 'b');
    expect([a.terms, b.terms]).toEqual([[1], [2]]);
    expect(contest.bothAtOnce).toBe(0);
  });

  test('renewals that arrive after their time-out make no two leaders, and no term twice', async () => {
    const [a, b] = await contest.begin();
    const end = a.proxy.inject('update', { delayMs: 1500 });
    await eventually('leadership began anew', () => a.terms.length + b.terms.length > 1);
    end();
    await eventually('one of them leads', () => a.election.view().isLeader || b.election.view().isLeader);
    const terms = [...a.terms, ...b.terms];
    expect(new Set(terms).size).toBe(terms.length);
    expect(contest.bothAtOnce).toBe(0);
  });

  test('an API server that is overloaded for a moment costs no leader', async () => {
    const [a, b] = await contest.begin();
    a.proxy.inject('update', { answer: 429, reason: 'TooManyRequests', retryAfterS: 1 }, 1);
    a.proxy.inject('update', { answer: 500, reason: 'InternalError' }, 1);
    const before = a.proxy.count('update');
    await eventually('it has renewed again', () => a.proxy.count('update') >= before + 4);
    expect(a.election.view()).toMatchObject({ isLeader: true, term: 1 });
    expect([a.terms, b.terms]).toEqual([[1], []]);
  });

  test('a Lease that was deleted by hand and made anew stays with its leader, under a higher term', async () => {
    const [a, b] = await contest.begin();
    await contest.deleteLease();
    await contest.makeLeaseAnew(1);
    await eventually('the first leads under a higher term', () => a.election.view().term > 1);
    expect(a.election.view()).toMatchObject({ isLeader: true, leader: 'a', term: 2 });
    expect(b.terms).toEqual([]);
    expect(contest.bothAtOnce).toBe(0);
  });
});
