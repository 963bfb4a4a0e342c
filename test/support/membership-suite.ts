import { createRegistry, silentLogger } from '@hyperpage/runtime';
import { createMembership, type Membership } from '../../sidecar/src/membership/index.ts';
import type { MemberRegistry } from '../../sidecar/src/membership/registry.ts';
import type { AdapterWorld } from './adapter-world.ts';
import { eventually } from './eventually.ts';

let boots = 0;

/** A member whose process can die without a word. */
function enter(world: AdapterWorld, podId: string) {
  const registry = world.memberRegistry();
  let dead = false;
  const mortal: MemberRegistry = {
    beat: async (self) => {
      if (dead) throw new Error('dead');
      return registry.beat(self);
    },
    leave: async (self) => {
      if (!dead) await registry.leave(self);
    },
    onPoke: (listener) => registry.onPoke(listener),
  };
  boots += 1;
  const membership = createMembership(mortal, {
    podId,
    bootId: `boot-${boots}`,
    clock: world.clock,
    log: silentLogger,
    registry: createRegistry({ processMetrics: false }),
  });
  let changes = 0;
  membership.onChange(() => {
    changes += 1;
  });
  membership.start();
  return {
    membership,
    die: () => {
      dead = true;
    },
    changes: () => changes,
  };
}

const names = (membership: Membership) => membership.members().map(({ podId }) => podId);

/** What every registry of members promises. */
export function membershipSuite(name: string, start: () => Promise<AdapterWorld>): void {
  describe(`membership on ${name}`, () => {
    let world: AdapterWorld;
    let entered: Array<ReturnType<typeof enter>> = [];
    const enterAll = (...podIds: string[]) => {
      const members = podIds.map((podId) => enter(world, podId));
      entered.push(...members);
      return members as [ReturnType<typeof enter>, ...Array<ReturnType<typeof enter>>];
    };
    const everybodySees = (members: ReadonlyArray<ReturnType<typeof enter>>, ...podIds: string[]) =>
      eventually(`everybody sees ${podIds.join(', ')}`, async () => {
        await world.advance(100);
        return members.every(({ membership }) => names(membership).join() === podIds.join());
      });
    beforeAll(async () => {
      world = await start();
    });
    afterEach(async () => {
      for (const { membership } of entered) await membership.goodbye();
      entered = [];
      await world.closePods();
    });
    afterAll(() => world.stop());

    test('members announce themselves, and each knows which one it is', async () => {
      const members = enterAll('pod-c', 'pod-a', 'pod-b');
      expect(names(members[0].membership)).toEqual(['pod-c']);
      await everybodySees(members, 'pod-a', 'pod-b', 'pod-c');
      const view = members[0].membership.members();
      expect(view.filter(({ isSelf }) => isSelf).map(({ podId }) => podId)).toEqual(['pod-c']);
      expect(view.every(({ lastSeenMs, startedAt }) => lastSeenMs >= 0 && startedAt > 0)).toBe(true);
      expect(members[0].changes()).toBeGreaterThan(0);
    });

    test('a goodbye is seen by the others', async () => {
      const [a, b] = enterAll('pod-a', 'pod-b') as [ReturnType<typeof enter>, ReturnType<typeof enter>];
      await everybodySees([a, b], 'pod-a', 'pod-b');
      await b.membership.goodbye();
      await everybodySees([a], 'pod-a');
    });

    test('a member that dies without a word is struck off after its silence', async () => {
      const [a, b, c] = enterAll('pod-a', 'pod-b', 'pod-c') as Array<ReturnType<typeof enter>> as [
        ReturnType<typeof enter>,
        ReturnType<typeof enter>,
        ReturnType<typeof enter>,
      ];
      await everybodySees([a, b, c], 'pod-a', 'pod-b', 'pod-c');
      b.die();
      await everybodySees([a, c], 'pod-a', 'pod-c');
    });

    test('a pod that was started again is one member, not two', async () => {
      const [a, old] = enterAll('pod-a', 'pod-b') as [ReturnType<typeof enter>, ReturnType<typeof enter>];
      await everybodySees([a, old], 'pod-a', 'pod-b');
      const bootOf = () => a.membership.members().find(({ podId }) => podId === 'pod-b')?.bootId;
      const before = bootOf();
      old.die();
      const [again] = enterAll('pod-b');
      await eventually('the new life is seen', async () => {
        await world.advance(100);
        return bootOf() !== before && bootOf() !== undefined;
      });
      expect(names(a.membership)).toEqual(['pod-a', 'pod-b']);
      expect(names(again.membership)).toEqual(['pod-a', 'pod-b']);
    });

    test('while the registry is gone the last list stands and grows old; back again, it is young', async () => {
      const [a, b] = enterAll('pod-a', 'pod-b') as [ReturnType<typeof enter>, ReturnType<typeof enter>];
      await everybodySees([a, b], 'pod-a', 'pod-b');
      const ageOfB = () => a.membership.members().find(({ podId }) => podId === 'pod-b')?.lastSeenMs ?? -1;
      await world.cut();
      await eventually('the other grows old', async () => {
        await world.advance(500);
        return ageOfB() > 2500;
      });
      const changes = a.changes();
      await world.heal();
      await eventually('the other is heard again', async () => {
        await world.advance(100);
        return ageOfB() < 1500;
      });
      expect(names(a.membership)).toEqual(['pod-a', 'pod-b']);
      expect(a.changes()).toBe(changes);
    });

    test('a registry that lost everything costs nobody their membership', async () => {
      const [a, b] = enterAll('pod-a', 'pod-b') as [ReturnType<typeof enter>, ReturnType<typeof enter>];
      await everybodySees([a, b], 'pod-a', 'pod-b');
      const changes = a.changes();
      await world.forget();
      for (let turn = 0; turn < 15; turn++) {
        await world.advance(100);
        await new Promise((resolve) => setTimeout(resolve, 10));
        expect(names(a.membership)).toEqual(['pod-a', 'pod-b']);
      }
      expect(a.changes()).toBe(changes);
    });
  });
}
