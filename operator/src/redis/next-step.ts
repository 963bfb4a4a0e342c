import { quorumOf } from '../desired/index.ts';
import type { Decision, Node } from './judge.ts';
import type { TimedRedisObservation } from './observer.ts';
import { changedSettings } from './settings.ts';
import { STRANGER_PROOF_MS, strangersOf } from './strangers.ts';
import { notWhole, type RedisPod } from './whole.ts';

/** What a planned change is for. */
export type Task = 'rolling' | 'scaling';

/** The next thing to do about Redis. Each is done and seen to have worked before there is another one; breaking off
 *  anywhere changes nothing, as the next look finds what is left to do. */
export type Step =
  /** Everything is as the spec says. */
  | { kind: 'rest' }
  | { kind: 'wait'; task: Task; why: string }
  | Extract<Decision, { kind: 'build' | 'nominate' }>
  /** Directives that differ and that Redis takes live. */
  | { kind: 'tune'; pod: string; settings: Record<string, string> }
  | { kind: 'setQuorum'; pod: string; quorum: number }
  /** Have the Sentinel of `pod` forget everybody and learn anew who is there. */
  | { kind: 'forget'; pod: string }
  /** 0: Sentinel never elects `pod`, which is about to be removed. 100: it may again. */
  | { kind: 'prefer'; pod: string; priority: 0 | 100 }
  | { kind: 'switchOver'; from: string; task: Task }
  | { kind: 'restart'; pod: string; uid: string; task: Task }
  /** Let the StatefulSet run `to` pods: one less. */
  | { kind: 'shrink'; to: number };

/** All that the decision depends on. */
export interface UpkeepView {
  mode: 'Standalone' | 'Sentinel';
  /** Redis pods that the spec asks for, and those that the StatefulSet was told to run. */
  wanted: number;
  running: number;
  /** Directives that Redis takes live, as they should be. */
  settings: Readonly<Record<string, string>>;
  /** True when Redis says `read` for what we called `wanted`. */
  isSame: (name: string, wanted: string, read: string) => boolean;
  pods: readonly RedisPod[];
  redis: TimedRedisObservation | undefined;
  /** Something that goes first, in words: a rollout of the app, a rotation. */
  first: string | undefined;
}

/** Decides the next step. Pure. */
export function nextStep(view: UpkeepView): Step {
  const { redis } = view;
  if (!redis || redis.stale) return pausing(view, 'Redis was not seen lately');
  const { decision } = redis.judgement;
  if (decision.kind === 'build' || decision.kind === 'nominate') return decision;
  const repair = tune(view, redis) ?? raiseQuorum(redis) ?? replaceBroken(view, redis);
  if (repair) return repair;
  if (decision.kind !== 'leave') return pausing(view, decision.why);
  return view.mode === 'Standalone' ? rollStandalone(view) : tendTopology(view, redis);
}

/** Nothing can be done now: a wait when there is something to do. */
const pausing = (view: UpkeepView, why: string): Step => {
  const task = taskOf(view);
  return task ? { kind: 'wait', task, why } : { kind: 'rest' };
};

const taskOf = ({ running, wanted, pods }: UpkeepView): Task | undefined => {
  if (running > wanted) return 'scaling';
  return pods.some(({ outdated }) => outdated) ? 'rolling' : undefined;
};

/** Directives that say how many pods make a majority: they follow the number of pods that are really there. */
const OF_NUMBER = 'min-replicas-to-write';

function tune(view: UpkeepView, { observation, judgement }: TimedRedisObservation): Step | undefined {
  const whole = () => notWhole(view.pods, observation, judgement) === undefined;
  for (const node of observation.nodes) {
    if (!node.reachable || node.loading) continue;
    const changed = changedSettings(view.settings, node.settings, view.isSame);
    if (OF_NUMBER in changed && !whole()) delete changed[OF_NUMBER];
    if (Object.keys(changed).length > 0) return { kind: 'tune', pod: node.pod, settings: changed };
  }
  return undefined;
}

/** More Sentinels are to agree from now on: at once, as new ones join within seconds, and until then fewer than a
 *  majority of them all could elect. Less are enough only when the others are gone. */
function raiseQuorum({ observation, judgement }: TimedRedisObservation): Step | undefined {
  const quorum = quorumOf(observation.expected);
  const low = judgement.watching.find((sentinel) => sentinel.quorum < quorum);
  return low && { kind: 'setQuorum', pod: low.pod, quorum };
}

/** A pod of an old template that cannot come up serves nobody: nothing needs to be whole for its successor. */
function replaceBroken({ pods }: UpkeepView, { judgement }: TimedRedisObservation): Step | undefined {
  if (pods.some(({ going }) => going)) return undefined;
  const broken = pods.find(
    ({ pod, outdated, broken, ready }) => outdated && broken && !ready && pod !== judgement.primary?.pod,
  );
  return broken && { kind: 'restart', pod: broken.pod, uid: broken.uid, task: 'rolling' };
}

function rollStandalone(view: UpkeepView): Step {
  const outdated = view.pods.find((each) => each.outdated);
  if (!outdated) return { kind: 'rest' };
  if (outdated.going) return { kind: 'wait', task: 'rolling', why: `${outdated.pod} is stopping` };
  if (view.first) return { kind: 'wait', task: 'rolling', why: view.first };
  return { kind: 'restart', pod: outdated.pod, uid: outdated.uid, task: 'rolling' };
}

function tendTopology(view: UpkeepView, redis: TimedRedisObservation): Step {
  const { observation, judgement, strangersMs } = redis;
  // Looked at before the number changed: what was whole then says nothing of now.
  if (observation.expected !== view.running) return pausing(view, 'Redis has not been looked at since');
  const obstacle = notWhole(view.pods, observation, judgement);
  const { primary } = judgement;
  if (obstacle !== undefined || !primary) return pausing(view, obstacle ?? 'there is no primary');
  const quorum = quorumOf(observation.expected);
  const other = judgement.watching.find((sentinel) => sentinel.quorum !== quorum);
  if (other) return { kind: 'setQuorum', pod: other.pod, quorum };
  const [stranger] = strangersMs >= STRANGER_PROOF_MS ? strangersOf(observation, judgement) : [];
  const swollen = judgement.watching.some(({ knows }) => knows > observation.expected - 1);
  if (stranger !== undefined && (swollen || taskOf(view) === undefined))
    return { kind: 'forget', pod: stranger };
  if (view.running > view.wanted) {
    if (swollen) return pausing(view, 'the Sentinels still count one that was removed');
    return view.first ? pausing(view, view.first) : shrink(view, redis, primary);
  }
  // It was to be removed, and now it is not.
  const kept = observation.nodes.find((node) => node.reachable && node.priority === 0);
  return kept ? { kind: 'prefer', pod: kept.pod, priority: 100 } : roll(view, primary);
}

/** Replicas first, the primary last: it hands over before. */
function roll(view: UpkeepView, primary: Node): Step {
  const outdated = view.pods.filter((each) => each.outdated).sort((a, b) => b.ordinal - a.ordinal);
  if (outdated.length === 0) return { kind: 'rest' };
  if (view.first) return { kind: 'wait', task: 'rolling', why: view.first };
  const replica = outdated.find(({ pod }) => pod !== primary.pod);
  if (replica) return { kind: 'restart', pod: replica.pod, uid: replica.uid, task: 'rolling' };
  return { kind: 'switchOver', from: primary.pod, task: 'rolling' };
}

/** The pods with the highest ordinals leave, one at a time, and none of them as the primary. */
function shrink(
  { running, wanted, pods }: UpkeepView,
  { observation, judgement }: TimedRedisObservation,
  primary: Node,
): Step {
  const leaving = new Set(pods.filter(({ ordinal }) => ordinal >= wanted).map(({ pod }) => pod));
  const replicas = observation.nodes.filter(({ pod }) => leaving.has(pod) && pod !== primary.pod);
  const electable = replicas.find((node) => node.reachable && node.priority !== 0);
  if (electable) return { kind: 'prefer', pod: electable.pod, priority: 0 };
  if (!leaving.has(primary.pod)) return { kind: 'shrink', to: running - 1 };
  const addresses = new Set(replicas.map(({ address }) => address));
  const noted = judgement.watching.every((sentinel) =>
    sentinel.replicas.every(({ address, priority }) => !addresses.has(address) || priority === 0),
  );
  if (!noted) return { kind: 'wait', task: 'scaling', why: 'the Sentinels have yet to see who leaves' };
  return { kind: 'switchOver', from: primary.pod, task: 'scaling' };
}
