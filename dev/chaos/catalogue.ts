import { DIRECTIONS } from '../cluster/faults.ts';
import { between, oneOf, type Random } from './random.ts';
import type { Step } from './steps.ts';

/** What a place must have for a fault to be possible there. */
export type Need = 'nodes' | 'storage' | 'sentinel';

interface Kind {
  group: string;
  doc: string;
  needs: readonly Need[];
  /** The steps, with all that is drawn. */
  steps: (random: Random) => Step[];
}

/** The Sentinels call a Redis down after five seconds of silence: a hang is drawn on both sides of it. */
const aroundDownAfterMs = (random: Random) =>
  random() < 0.4 ? between(random, 1_000, 4_000) : between(random, 6_500, 20_000);

const hang = (random: Random, whom: 'primary' | 'replica' | 'any-redis', container: 'redis' | 'sentinel') => [
  { atMs: 0, act: 'hang' as const, container, whom },
  { atMs: aroundDownAfterMs(random), act: 'resume' as const, container, whom },
];

const killPrimary: Step = { atMs: 0, act: 'kill', container: 'redis', whom: 'primary' };

/** Every kind of fault, in the order they are told of. */
export const KINDS = {
  'kill-primary': {
    group: 'kill',
    doc: 'the primary crashes',
    needs: [],
    steps: () => [killPrimary],
  },
  'kill-replica': {
    group: 'kill',
    doc: 'a replica crashes',
    needs: ['sentinel'],
    steps: () => [{ ...killPrimary, whom: 'replica' }],
  },
  'kill-sentinel': {
    group: 'kill',
    doc: 'a Sentinel crashes',
    needs: ['sentinel'],
    steps: () => [{ atMs: 0, act: 'kill', container: 'sentinel', whom: 'any-redis' }],
  },
  'kill-all-redis': {
    group: 'kill',
    doc: 'every Redis crashes at the same moment',
    needs: ['sentinel'],
    steps: () => [{ ...killPrimary, whom: 'all-redis' }],
  },
  'kill-primary-and-app-pod': {
    group: 'kill',
    doc: 'the primary crashes, and an app pod is deleted with it',
    needs: [],
    steps: () => [killPrimary, { atMs: 0, act: 'delete-pods', whom: 'app' }],
  },
  'hang-primary': {
    group: 'hang',
    doc: 'the primary stands still for 1 to 20 s',
    needs: [],
    steps: (random) => hang(random, 'primary', 'redis'),
  },
  'hang-replica': {
    group: 'hang',
    doc: 'a replica stands still',
    needs: ['sentinel'],
    steps: (random) => hang(random, 'replica', 'redis'),
  },
  'hang-sentinel': {
    group: 'hang',
    doc: 'a Sentinel stands still',
    needs: ['sentinel'],
    steps: (random) => hang(random, 'any-redis', 'sentinel'),
  },
  'delete-primary-pod': {
    group: 'delete',
    doc: "the primary's pod is deleted",
    needs: ['sentinel'],
    steps: () => [{ atMs: 0, act: 'delete-pods', whom: 'primary' }],
  },
  'delete-replica-pod': {
    group: 'delete',
    doc: "a replica's pod is deleted",
    needs: ['sentinel'],
    steps: () => [{ atMs: 0, act: 'delete-pods', whom: 'replica' }],
  },
  'delete-all-redis-pods': {
    group: 'delete',
    doc: 'every Redis pod is deleted at once; their volumes stay',
    needs: ['storage'],
    steps: () => [{ atMs: 0, act: 'delete-pods', whom: 'all-redis' }],
  },
  'stop-primary-node': {
    group: 'node',
    doc: 'the node of the primary loses power for 5 to 40 s',
    needs: ['nodes', 'sentinel'],
    steps: (random) => [
      { atMs: 0, act: 'stop-node', whom: 'primary' },
      { atMs: between(random, 5_000, 40_000), act: 'start-node', whom: 'primary' },
    ],
  },
  'cut-primary-node': {
    group: 'node',
    doc: 'the network of the node of the primary is cut: what it sends, what it receives, or both',
    needs: ['nodes', 'sentinel'],
    steps: (random) => [
      { atMs: 0, act: 'cut-node', whom: 'primary', direction: oneOf(random, DIRECTIONS as Directions) },
      { atMs: between(random, 3_000, 30_000), act: 'heal-node', whom: 'primary' },
    ],
  },
  'stop-operator': {
    group: 'control-plane',
    doc: 'the operator is deleted in the middle of another fault',
    needs: ['sentinel'],
    steps: (random) => [
      oneOf<Step>(random, [
        killPrimary,
        { atMs: 0, act: 'delete-pods', whom: 'primary' },
        { atMs: 0, act: 'delete-pods', whom: 'replica' },
        { atMs: 0, act: 'roll' },
      ]),
      { atMs: between(random, 200, 8_000), act: 'delete-pods', whom: 'operator' },
    ],
  },
  'stop-apiserver': {
    group: 'control-plane',
    doc: 'the API server is down for 5 to 25 s, and the primary may crash meanwhile',
    needs: ['nodes', 'sentinel'],
    steps: (random) => [
      { atMs: 0, act: 'stop-part', part: 'kube-apiserver' },
      ...(random() < 0.6 ? [{ ...killPrimary, atMs: between(random, 500, 4_000) }] : []),
      { atMs: between(random, 5_000, 25_000), act: 'start-part', part: 'kube-apiserver' },
    ],
  },
  roll: {
    group: 'roll',
    doc: 'a change of the spec restarts the Redis pods one by one',
    needs: ['sentinel'],
    steps: () => [{ atMs: 0, act: 'roll' }],
  },
} as const satisfies Record<string, Kind>;

type Directions = [(typeof DIRECTIONS)[number], ...(typeof DIRECTIONS)[number][]];

export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as KindName[];
export const GROUPS: readonly string[] = [...new Set(KIND_NAMES.map((name) => KINDS[name].group))];

export const kindOf = (name: KindName): Kind => KINDS[name];

/** The kinds that the words (names, groups or `all`) stand for, in the catalogue's order, so that the same choice is the
 *  same plan. Gives the first word that stands for none instead. */
export function kindsOf(words: readonly string[]): KindName[] | { unknown: string } {
  const chosen = new Set<KindName>();
  for (const word of words) {
    const found = KIND_NAMES.filter((name) => word === 'all' || word === name || word === kindOf(name).group);
    if (found.length === 0) return { unknown: word };
    for (const name of found) chosen.add(name);
  }
  return KIND_NAMES.filter((name) => chosen.has(name));
}

/** What of a kind's needs is not there. */
export const missingFor = (name: KindName, has: ReadonlySet<Need>): Need[] =>
  kindOf(name).needs.filter((need) => !has.has(need));
