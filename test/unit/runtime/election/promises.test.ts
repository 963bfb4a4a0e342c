import { LEASE_ANNOTATIONS, UNKNOWN_HOLDER } from '@hyperpage/contract';
import {
  type Answer,
  type Ask,
  createElection,
  createMemoryLeases,
  type Election,
  type ElectionNotice,
  electorsOf,
  type Lease,
  type LeasePort,
  silentLogger,
  type WriteOutcome,
} from '@hyperpage/runtime';
import { settled, VirtualClock } from '../../../support/virtual-clock.ts';

const PROMISE_MS = 600;
const NAMES = ['a', 'b', 'c', 'd', 'e'];

/** Pods with elections over one Lease, and a network between them that can be cut. */
class Pods {
  readonly clock = new VirtualClock();
  readonly leases = createMemoryLeases();
  readonly elections = new Map<string, Election>();
  /** Hears and says nothing any more, neither to the API server nor to others. */
  readonly cut = new Set<string>();
  /** Reaches the others, and not the API server. */
  readonly deaf = new Set<string>();
  requests = 0;

  start(pod: string, node = pod, boot = 'boot'): Election {
    const port: LeasePort = {
      read: async () => this.#counted(pod, () => this.leases.read(), { kind: 'failed', error: new Error() }),
      create: async (lease) => this.#counted(pod, () => this.leases.create(lease), NO_ANSWER),
      update: async (lease) => this.#counted(pod, () => this.leases.update(lease), NO_ANSWER),
    };
    const election = createElection({
      identity: `${pod}_${boot}`,
      lease: { name: 'leader', namespace: 'default' },
      timeoutMs: 30_000,
      heartbeatMs: 10_000,
      leases: port,
      clock: this.clock,
      random: () => 0.5,
      log: silentLogger,
      peers: {
        host: pod,
        node,
        promiseMs: PROMISE_MS,
        beatMs: PROMISE_MS / 4,
        ask: async (host, ask) => this.#ask(pod, host, ask),
        follow: (listener) => {
          listener(NAMES.filter((other) => other !== pod));
          return () => {};
        },
      },
    });
    this.elections.set(pod, election);
    election.start();
    return election;
  }

  leader = () => [...this.elections].find(([, election]) => election.view().isLeader)?.[0];

  async lease(): Promise<Lease> {
    const outcome = await this.leases.read();
    if (outcome.kind !== 'found') throw new Error('there is no Lease');
    return outcome.lease;
  }

  #ask(from: string, to: string, ask: Ask): Answer | undefined {
    return this.cut.has(from) || this.cut.has(to) ? undefined : this.elections.get(to)?.answer(ask);
  }

  #counted<T>(pod: string, request: () => Promise<T>, otherwise: T): Promise<T> {
    this.requests += 1;
    return this.cut.has(pod) || this.deaf.has(pod) ? Promise.resolve(otherwise) : request();
  }
}

const NO_ANSWER: WriteOutcome = { kind: 'unknown', error: new Error('no answer') };

async function fivePods(): Promise<Pods> {
  const pods = new Pods();
  for (const pod of NAMES) {
    pods.start(pod);
    await settled();
  }
  await pods.clock.advance(3_000);
  return pods;
}

describe('an election with electors', () => {
  test('the Lease names five of them, the leader first, once all are there', async () => {
    const pods = await fivePods();
    expect(pods.leader()).toBe('a');
    expect(electorsOf(await pods.lease()).map(({ host }) => host)).toEqual(NAMES);
    expect(pods.elections.get('b')?.electors()).toEqual(NAMES);
  });

  test('a leader that is cut off is replaced within a second, and knows that it does not lead', async () => {
    const pods = await fivePods();
    pods.cut.add('a');
    await pods.clock.advance(PROMISE_MS * 0.9 + 5);
    expect(pods.leader()).toBeUndefined();
    await pods.clock.advance(1000 - PROMISE_MS * 0.9 - 5);
    expect(pods.leader()).toBe('b');
    expect(pods.elections.get('b')?.view().term).toBe(2);
    expect(pods.elections.get('e')?.view()).toMatchObject({ leader: 'b', term: 2 });
    pods.cut.clear();
    await pods.clock.advance(2_000);
    expect(pods.leader()).toBe('b');
    expect(pods.elections.get('a')?.view()).toMatchObject({ leader: 'b', isLeader: false });
  });

  test('a leader that stops hands over at once', async () => {
    const pods = await fivePods();
    await pods.elections.get('a')?.stop();
    await pods.clock.advance(50);
    expect(pods.leader()).toBe('b');
  });

  test('a leader that steps down hands over at once, and does not stand again before its time', async () => {
    const pods = await fivePods();
    expect(pods.elections.get('b')?.stepDown(10_000)).toBe(false);
    expect(pods.elections.get('a')?.stepDown(10_000)).toBe(true);
    await pods.clock.advance(50);
    expect(pods.leader()).toBe('b');
    for (const pod of ['b', 'c', 'd', 'e']) await pods.elections.get(pod)?.stop();
    await pods.clock.advance(5_000);
    expect(pods.leader()).toBeUndefined();
    await pods.clock.advance(6_000);
    expect(pods.leader()).toBe('a');
  });

  test('a leader that takes a deleted Lease back is left alone by its former electors', async () => {
    const pods = await fivePods();
    const { metadata, spec } = await pods.lease();
    pods.leases.delete();
    const { [LEASE_ANNOTATIONS.electors]: _, ...annotations } = metadata.annotations ?? {};
    await pods.leases.create({
      metadata: { name: 'leader', namespace: 'default', annotations },
      spec: { ...spec, holderIdentity: UNKNOWN_HOLDER },
    });
    await pods.clock.advance(30_000);
    expect(pods.leader()).toBe('a');
    expect(pods.elections.get('a')?.view().term).toBe(2);
    expect(electorsOf(await pods.lease())).toHaveLength(5);
  });

  test('one that alone misses the leader disturbs nobody', async () => {
    const pods = await fivePods();
    pods.cut.add('d');
    await pods.clock.advance(20_000);
    pods.cut.clear();
    await pods.clock.advance(20_000);
    expect(pods.leader()).toBe('a');
    expect(pods.elections.get('a')?.view().term).toBe(1);
  });

  test('who takes over says how long after the leader before was heard last, and a renewal what it took', async () => {
    const pods = await fivePods();
    const notices: ElectionNotice[] = [];
    for (const election of pods.elections.values()) election.on((notice) => notices.push(notice));
    pods.cut.add('a');
    await pods.clock.advance(1_000);
    const [first] = notices.filter(({ kind }) => kind === 'acquired');
    expect(first).toMatchObject({ term: 2, takeover: { how: 'promises' } });
    const { ms = 0 } = (first as { takeover?: { ms: number } }).takeover ?? {};
    expect(ms).toBeGreaterThanOrEqual(PROMISE_MS);
    expect(ms).toBeLessThan(PROMISE_MS * 1.5);
    pods.cut.clear();
    await pods.clock.advance(10_000);
    expect(notices).toContainEqual({ kind: 'renewal', outcome: 'ok', tookMs: 0 });
    await pods.elections.get('b')?.stop();
    await pods.clock.advance(100);
    expect(notices.filter(({ kind }) => kind === 'acquired').at(-1)).toMatchObject({
      term: 3,
      takeover: { how: 'handed-over' },
    });
  });

  test('nobody but the leader asks the API server, once a heartbeat', async () => {
    const pods = await fivePods();
    const before = pods.requests;
    await pods.clock.advance(100_000);
    expect(pods.requests - before).toBe(10);
  });

  test('with the leader and all electors but one gone, the Lease has to run out', async () => {
    const pods = await fivePods();
    for (const pod of ['a', 'b', 'c', 'd']) pods.cut.add(pod);
    await pods.clock.advance(15_000);
    expect(pods.leader()).toBeUndefined();
    await pods.clock.advance(30_000);
    expect(pods.leader()).toBe('e');
    expect(electorsOf(await pods.lease())).toEqual([]);
  });
});

describe('a preferred leader', () => {
  const prefer = async (pods: Pods, pod: string | undefined) => {
    const lease = await pods.lease();
    const { [LEASE_ANNOTATIONS.preferred]: _, ...rest } = lease.metadata.annotations ?? {};
    const annotations = pod === undefined ? rest : { ...rest, [LEASE_ANNOTATIONS.preferred]: pod };
    await pods.leases.update({ ...lease, metadata: { ...lease.metadata, annotations } });
  };
  const termOf = (pods: Pods) => pods.elections.get('e')?.view().term;

  test('leads within two heartbeats, and the annotation stays', async () => {
    const pods = await fivePods();
    await prefer(pods, 'd');
    await pods.clock.advance(15_000);
    expect([pods.leader(), termOf(pods)]).toEqual(['d', 2]);
    await pods.clock.advance(100_000);
    expect([pods.leader(), termOf(pods)]).toEqual(['d', 2]);
    expect((await pods.lease()).metadata.annotations?.[LEASE_ANNOTATIONS.preferred]).toBe('d');
  });

  test('that restarts leads again, and others meanwhile', async () => {
    const pods = await fivePods();
    await prefer(pods, 'd');
    await pods.clock.advance(15_000);
    await pods.elections.get('d')?.stop();
    await pods.clock.advance(100);
    expect(pods.leader()).not.toBe('d');
    pods.start('d', 'd', 'another');
    await pods.clock.advance(15_000);
    expect(pods.leader()).toBe('d');
  });

  test('that steps down is not given it back', async () => {
    const pods = await fivePods();
    await prefer(pods, 'd');
    await pods.clock.advance(15_000);
    pods.elections.get('d')?.stepDown(5_000);
    await pods.clock.advance(60_000);
    expect([pods.leader() === 'd', termOf(pods)]).toEqual([false, 3]);
  });

  test('that is not there, or answers nobody, changes nothing, also not how soon another one is followed', async () => {
    const pods = await fivePods();
    for (const pod of ['nobody', 'd']) {
      pods.cut.add(pod);
      await prefer(pods, pod);
      await pods.clock.advance(60_000);
      expect([pods.leader(), termOf(pods)]).toEqual(['a', 1]);
    }
    pods.cut.add('a');
    await pods.clock.advance(1_000);
    expect(pods.leader()).toBe('b');
  });

  test('that cannot reach the API server is offered it once by each', async () => {
    const pods = await fivePods();
    pods.deaf.add('d');
    await prefer(pods, 'd');
    await pods.clock.advance(120_000);
    const term = termOf(pods) ?? 0;
    expect(pods.leader()).toBeDefined();
    expect(term).toBeLessThanOrEqual(6);
    await pods.clock.advance(120_000);
    expect(termOf(pods)).toBe(term);
  });

  test('is nobody any more when the annotation goes', async () => {
    const pods = await fivePods();
    await prefer(pods, 'd');
    await pods.clock.advance(15_000);
    await prefer(pods, undefined);
    await pods.clock.advance(15_000);
    await pods.elections.get('d')?.stop();
    pods.start('d', 'd', 'another');
    await pods.clock.advance(30_000);
    expect(pods.leader()).not.toBe('d');
  });
});
