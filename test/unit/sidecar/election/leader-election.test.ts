import { UNKNOWN_HOLDER } from '@hyperpage/contract';
import {
  createMemoryLeases,
  createRegistry,
  type MemoryLeases,
  neverHeld,
  type Registry,
  silentLogger,
} from '@hyperpage/runtime';
import type { Bus, BusListener } from '../../../../sidecar/src/bus/index.ts';
import { createLeaderElection, type LeaderElection } from '../../../../sidecar/src/election/index.ts';
import { settled, VirtualClock } from '../../../support/virtual-clock.ts';

/** A bus that carries elections between the candidates of one test. */
class FakeBus {
  readonly announced: unknown[] = [];
  readonly #listeners = new Set<BusListener>();

  of(podId: string): Bus {
    return {
      send: async () => ({ kind: 'sent', id: '1' }),
      announceElection: async (payload) => {
        this.announced.push(payload);
        const message = {
          id: '1',
          type: 'election',
          payload,
          timestamp: 0,
          sourcePod: podId,
          priority: 'high' as const,
        };
        for (const listener of this.#listeners) listener({ kind: 'message', message, cursor: '1' });
        return { kind: 'sent', id: '1' };
      },
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return { cursor: () => '0', close: () => void this.#listeners.delete(listener) };
      },
      ready: () => true,
      close: async () => {},
    };
  }
}

class World {
  readonly clock = new VirtualClock();
  readonly leases: MemoryLeases = createMemoryLeases();
  readonly bus = new FakeBus();
  floor: number | undefined = 0;

  candidate(podId: string): { election: LeaderElection; registry: Registry; events: string[] } {
    const registry = createRegistry({ processMetrics: false });
    const events: string[] = [];
    const election = createLeaderElection({
      podId,
      identity: `${podId}_boot`,
      lease: { name: 'leader', namespace: 'default' },
      timeoutMs: 6000,
      heartbeatMs: 2000,
      leases: this.leases,
      bus: this.bus.of(podId),
      termFloor: {
        read: async () => this.floor,
        raise: async (term) => {
          if (this.floor !== undefined) this.floor = Math.max(this.floor, term);
          return this.floor;
        },
      },
      clock: this.clock,
      random: () => 0,
      log: silentLogger,
      registry,
    });
    election.on((event, { term }) => events.push(`${event} ${term}`));
    return { election, registry, events };
  }
}

describe('election among sidecars', () => {
  test('a leader announces itself and raises the floor of terms', async () => {
    const world = new World();
    const { election, events } = world.candidate('a');
    election.start();
    await settled();
    expect(events).toEqual(['acquired 1']);
    expect(world.bus.announced).toEqual([
      { newLeader: 'a', leaderId: 'a', term: 1, lastHeartbeat: world.clock.wallMs(), status: 'active' },
    ]);
    expect(world.floor).toBe(1);
  });

  test('a leader raises the floor as soon as Redis is there', async () => {
    const world = new World();
    world.floor = undefined;
    const { election } = world.candidate('a');
    election.start();
    await world.clock.advance(5000);
    world.floor = 0;
    await world.clock.advance(1000);
    expect(world.floor).toBe(1);
    expect(election.view()).toMatchObject({ isLeader: true, term: 1 });
  });

  test('a hand-over needs no waiting: the others are told, and one of them leads', async () => {
    const world = new World();
    const a = world.candidate('a');
    const b = world.candidate('b');
    a.election.start();
    await settled();
    b.election.start();
    await settled();
    await a.election.stop();
    await settled();
    expect(world.bus.announced[1]).toMatchObject({
      newLeader: '',
      leaderId: 'a',
      term: 1,
      status: 'expired',
    });
    expect(b.election.view()).toMatchObject({ leader: 'b', term: 2, isLeader: true });
    expect(a.election.view().isLeader).toBe(false);
  });

  test('a follower that stops tells nobody', async () => {
    const world = new World();
    const a = world.candidate('a');
    const b = world.candidate('b');
    a.election.start();
    await settled();
    b.election.start();
    await settled();
    await b.election.stop();
    expect(world.bus.announced).toHaveLength(1);
  });

  test('terms go on above the floor, though Redis tells it late', async () => {
    const world = new World();
    world.floor = undefined;
    const { election, events } = world.candidate('a');
    election.start();
    await settled();
    world.floor = 41;
    await world.clock.advance(1000);
    expect(election.view()).toMatchObject({ term: 42, isLeader: true });
    expect(events).toEqual(['acquired 1', 'lost 41', 'acquired 42']);
    expect(world.floor).toBe(42);
  });

  test('a Lease that was deleted does not start terms anew', async () => {
    const world = new World();
    const a = world.candidate('a');
    a.election.start();
    await settled();
    world.leases.delete();
    world.floor = 7;
    await world.clock.advance(10_000);
    expect(a.election.view()).toMatchObject({ leader: null, isLeader: false });
    const anew = neverHeld('leader', 'default');
    await world.leases.create({
      ...anew,
      spec: { holderIdentity: UNKNOWN_HOLDER, leaseDurationSeconds: 6 },
    });
    await world.clock.advance(7000);
    expect(a.election.view().isLeader).toBe(false);
    await world.clock.advance(3000);
    expect(a.election.view()).toMatchObject({ term: 8, isLeader: true });
  });

  test('the metrics say who leads, under which term and how renewals go', async () => {
    const world = new World();
    const { election, registry } = world.candidate('a');
    election.start();
    await world.clock.advance(2000);
    const text = await registry.metrics();
    expect(text).toContain('hyperpage_election_is_leader 1');
    expect(text).toContain('hyperpage_election_term 1');
    expect(text).toContain('hyperpage_election_transitions_total{to="leader"} 1');
    expect(text).toContain('hyperpage_election_renewals_total{outcome="ok"} 1');
  });
});
