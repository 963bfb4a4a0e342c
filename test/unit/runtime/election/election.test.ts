import {
  createElection,
  createMemoryLeases,
  type ElectionNotice,
  type LeasePort,
  neverHeld,
  silentLogger,
} from '@hyperpage/runtime';
import { settled, VirtualClock } from '../../../support/virtual-clock.ts';

const candidate = (clock: VirtualClock, leases: LeasePort, pod: string) => {
  const notices: string[] = [];
  const election = createElection({
    identity: `${pod}_boot`,
    lease: { name: 'leader', namespace: 'default' },
    timeoutMs: 6000,
    heartbeatMs: 2000,
    leases,
    clock,
    random: () => 0,
    log: silentLogger,
  });
  election.on((notice) => notices.push(words(notice)));
  return { election, notices };
};

const words = (notice: ElectionNotice) => ('term' in notice ? `${notice.kind} ${notice.term}` : notice.kind);

describe('an election on a Lease', () => {
  test('the first candidate leads, the second follows and knows whom', async () => {
    const clock = new VirtualClock();
    const leases = createMemoryLeases();
    const a = candidate(clock, leases, 'a');
    const b = candidate(clock, leases, 'b');
    a.election.start();
    await settled();
    b.election.start();
    await settled();
    expect(a.election.view()).toEqual({ leader: 'a', term: 1, isLeader: true, validForMs: 5400 });
    expect(b.election.view()).toEqual({ leader: 'a', term: 1, isLeader: false, validForMs: 0 });
    await clock.advance(60_000);
    expect(a.election.view()).toMatchObject({ isLeader: true, term: 1 });
    expect(a.notices.filter((notice) => notice !== 'renewal')).toEqual(['acquired 1']);
    expect(b.notices).toEqual(['changed']);
  });

  test('a leader that cannot renew is told so, once, when two thirds of its validity have passed', async () => {
    const clock = new VirtualClock();
    const leases = createMemoryLeases();
    let reachable = true;
    const away: LeasePort = {
      ...leases,
      update: async (lease) =>
        reachable ? leases.update(lease) : { kind: 'refused', error: new Error('away') },
    };
    const a = candidate(clock, away, 'a');
    a.election.start();
    await settled();
    reachable = false;
    const told = () => a.notices.filter((notice) => notice !== 'renewal');
    await clock.advance(3599);
    expect(told()).toEqual(['acquired 1']);
    await clock.advance(1);
    expect(told()).toEqual(['acquired 1', 'expiring 1']);
    reachable = true;
    await clock.advance(1000);
    reachable = false;
    await clock.advance(5400);
    expect(told()).toEqual(['acquired 1', 'expiring 1', 'expiring 1', 'lost 1']);
  });

  test('a leader that stops hands over at once to whoever is woken', async () => {
    const clock = new VirtualClock();
    const leases = createMemoryLeases();
    const a = candidate(clock, leases, 'a');
    const b = candidate(clock, leases, 'b');
    a.election.start();
    await settled();
    b.election.start();
    await settled();
    await a.election.stop();
    b.election.wake();
    await settled();
    expect(a.election.view().isLeader).toBe(false);
    expect(b.election.view()).toMatchObject({ leader: 'b', term: 2, isLeader: true });
  });

  test('a leader that dies is replaced after the Lease has been silent for its duration', async () => {
    const clock = new VirtualClock();
    const leases = createMemoryLeases();
    const dead = createMortal(leases);
    const a = candidate(clock, dead.port, 'a');
    const b = candidate(clock, leases, 'b');
    a.election.start();
    await settled();
    b.election.start();
    await settled();
    dead.die();
    await clock.advance(5000);
    expect(b.election.view()).toMatchObject({ leader: 'a', isLeader: false });
    await clock.advance(3000);
    expect(b.election.view()).toMatchObject({ leader: 'b', term: 2, isLeader: true });
    expect(a.election.view()).toMatchObject({ isLeader: false, validForMs: 0 });
    expect(a.notices).toContain('lost 1');
  });

  test('after a pause of the process the view is true at once, before any timer has run', async () => {
    const clock = new VirtualClock();
    const a = candidate(clock, createMemoryLeases(), 'a');
    a.election.start();
    await settled();
    const later = clock.monotonicMs() + 5400;
    expect(a.election.remainingMs(later - 1)).toBe(1);
    expect(a.election.remainingMs(later)).toBe(0);
  });

  test('the Lease says for people who holds it, since when and after how many changes', async () => {
    const clock = new VirtualClock({ wallMs: Date.UTC(2030, 0, 1) });
    const leases = createMemoryLeases();
    const a = candidate(clock, leases, 'a');
    a.election.start();
    await clock.advance(2000);
    expect(await leases.read()).toMatchObject({
      lease: {
        metadata: { annotations: { 'hyperpage.dev/term': '1' } },
        spec: {
          holderIdentity: 'a_boot',
          leaseDurationSeconds: 6,
          leaseTransitions: 1,
          acquireTime: '2030-01-01T00:00:00.000000Z',
          renewTime: '2030-01-01T00:00:02.000000Z',
        },
      },
    });
    await a.election.stop();
    expect(await leases.read()).toMatchObject({
      lease: { metadata: { annotations: { 'hyperpage.dev/term': '1' } }, spec: { holderIdentity: '' } },
    });
  });

  test('a missing Lease is left to whoever makes Leases', async () => {
    const clock = new VirtualClock();
    const leases = createMemoryLeases('missing');
    const { election, notices } = candidate(clock, leases, 'a');
    election.start();
    await clock.advance(60_000);
    expect(election.hasRead()).toBe(true);
    expect(notices).toEqual(['lease-replaced']);
    expect(await leases.read()).toEqual({ kind: 'missing' });
    await leases.create(neverHeld('leader', 'default'));
    await clock.advance(2000);
    expect(election.view()).toMatchObject({ isLeader: true, term: 1 });
  });

  test('stopping does not wait for an API server that never answers', async () => {
    const clock = new VirtualClock();
    const leases = createMemoryLeases();
    const silence = new Promise<never>(() => {});
    let silent = false;
    const port: LeasePort = { ...leases, update: (lease) => (silent ? silence : leases.update(lease)) };
    const { election } = candidate(clock, port, 'a');
    election.start();
    await settled();
    silent = true;
    const stopped = election.stop();
    expect(election.view().isLeader).toBe(false);
    await clock.advance(5000);
    await stopped;
  });

  test('stopping before the start, or twice, ends all the same', async () => {
    const { election } = candidate(new VirtualClock(), createMemoryLeases(), 'a');
    await election.stop();
    await election.stop();
    expect(election.view()).toEqual({ leader: null, term: 0, isLeader: false, validForMs: 0 });
  });
});

/** A way to the Lease that can break. */
function createMortal(port: LeasePort): { port: LeasePort; die(): void } {
  let dead = false;
  const error = new Error('cut off');
  return {
    die: () => {
      dead = true;
    },
    port: {
      read: async () => (dead ? { kind: 'failed', error } : port.read()),
      create: async (lease) => (dead ? { kind: 'unknown', error } : port.create(lease)),
      update: async (lease) => (dead ? { kind: 'unknown', error } : port.update(lease)),
    },
  };
}
