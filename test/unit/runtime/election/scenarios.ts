import { electorsOf } from '@hyperpage/runtime';
import { PROMISE_MS, type Rules } from './simulated-candidate.ts';
import { World } from './simulator.ts';

/** Schedules that chance hardly ever draws, each against one rule. */

const SETTLED_MS = 6_000;

const worldOf = (seed: number, rules: Rules, pods: number, transcript?: (line: string) => void) =>
  new World(seed, {
    rules,
    electors: true,
    calmMs: 1e9,
    faults: [],
    pods,
    ...(transcript ? { transcript } : {}),
  });

export type Scenario = (seed: number, rules: Rules, transcript?: (line: string) => void) => World;

/** An elector is restarted within its promise, while the leader hears nothing of it, and the one that misses the leader
 *  asks it again. */
export const restartedElector: Scenario = (seed, rules, transcript) => {
  const world = worldOf(seed, rules, 3, transcript);
  world.at(SETTLED_MS, () => {
    const leader = world.leader()?.pod as string;
    const [elector, other] = ['pod-0', 'pod-1', 'pod-2'].filter((pod) => pod !== leader) as [string, string];
    world.cut(leader, other, 5_000);
    world.at(SETTLED_MS + 2 * PROMISE_MS, () => {
      world.cut(leader, elector, 5_000);
      world.inPod(elector)?.crash();
      world.at(world.nowMs + 20, () => world.boot(elector));
    });
  });
  world.run(SETTLED_MS + 4_000);
  return world;
};

/** A candidate has taken the Lease and does not hear so. Another one follows it, and is cut off in its turn; the electors'
 *  promises to that one lapse, and the first comes back with its old term before the answer does. */
export const lateAnswer: Scenario = (seed, rules, transcript) => {
  const world = worldOf(seed, rules, 5, transcript);
  const pods = [0, 1, 2, 3, 4].map((i) => `pod-${i}`);
  world.at(SETTLED_MS, () => {
    const leader = world.leader();
    const candidates = electorsOf(leader?.state.observed?.lease)
      .map(({ host }) => host)
      .filter((host) => host !== leader?.pod);
    const [first, second] = candidates as [string, string];
    world.slowMs.set(first, 1_350);
    leader?.crash();
    world.onWrite = (holder, kind) => {
      if (kind !== 'acquire') return;
      const isFirst = holder.startsWith(`${first}_`);
      const cut = isFirst ? first : second;
      const ms = isFirst ? 1_150 : 10_000;
      // What is asked at this moment still arrives.
      world.at(world.nowMs + (isFirst ? 0 : 60), () => {
        for (const pod of pods) if (pod !== cut) world.cut(cut, pod, ms);
      });
    };
  });
  world.run(SETTLED_MS + 8_000);
  return world;
};
