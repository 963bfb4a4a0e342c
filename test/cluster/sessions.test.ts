/** What sessions promise, on real pods under every fault: what is acknowledged is there afterwards, what was removed stays
 *  removed, writes of several clients stand side by side, and with two pods alive the app sees no error. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionClients, type Step } from '../../dev/chaos/index.ts';
import {
  createSubject,
  enter,
  type Ground,
  progress,
  strike,
  type Subject,
  untilWhole,
} from './support/ground.ts';

const STORED = 'sessions';
const APP_PODS = 3;
const MOST_PODS = 6;
/** Operations before and after a fault. */
const WARM_MS = 3_000;

let ground: Ground;
let subject: Subject;
let clients: SessionClients;

beforeAll(async () => {
  ground = await enter([STORED]);
  subject = await createSubject(ground, { name: STORED, appPods: APP_PODS, storage: '256Mi' });
  await untilWhole(subject);
  clients = new SessionClients({ site: subject.world.site });
  clients.start();
  await sleep(WARM_MS);
});

afterAll(async () => {
  await clients?.stop();
  await subject?.close();
  await ground?.leave();
});

let told = { ...counts0() };
function counts0() {
  return { redis: 0, peer: 0, local: 0, removed: 0, uncertain: 0, stale: 0, reads: 0 };
}

/** What became of all promises, in a line; and what was refused since the last time. */
async function reckon(what: string): Promise<{ refused: string[] }> {
  const { ledger } = clients;
  const refusedBefore = { ...refusedSoFar };
  const { lost, resurrected } = await clients.account();
  const { acknowledged, removed, uncertain, stale, reads, refused } = ledger.counts;
  const now = { ...acknowledged, removed, uncertain, stale, reads };
  const since = (name: keyof typeof now) => now[name] - told[name];
  const fresh = Object.entries(refused)
    .map(([why, count]) => ({ why, count: count - (refusedBefore[why] ?? 0) }))
    .filter(({ count }) => count > 0);
  progress.say(
    `  ${what}: ${since('redis')} acknowledged by Redis, ${since('peer')} by peers, ${since('local')} by one pod; ${since('reads')} reads, ${since('stale')} stale, ${since('removed')} removed, ${since('uncertain')} cut; ${lost.length} lost, ${resurrected.length} resurrected, ${ledger.merged()} sessions merged`,
  );
  for (const { why, count } of fresh) progress.say(`      ${count} × ${why}`);
  told = now;
  refusedSoFar = { ...refused };
  expect({ lost, resurrected }).toEqual({ lost: [], resurrected: [] });
  return { refused: fresh.map(({ why }) => why) };
}
let refusedSoFar: Record<string, number> = {};

const redisOf = (whom: 'primary' | 'all-redis') => ({ container: 'redis', whom }) as const;

test.each<[string, Step[]]>([
  ['an app pod is deleted', [{ atMs: 0, act: 'delete-pods', whom: 'app' }]],
  ['the primary is killed', [{ atMs: 0, act: 'kill', ...redisOf('primary') }]],
  [
    'the primary hangs for 15 s',
    [
      { atMs: 0, act: 'hang', ...redisOf('primary') },
      { atMs: 15_000, act: 'resume', ...redisOf('primary') },
    ],
  ],
  [
    'every Redis hangs for 15 s',
    [
      { atMs: 0, act: 'hang', ...redisOf('all-redis') },
      { atMs: 15_000, act: 'resume', ...redisOf('all-redis') },
    ],
  ],
  ['every Redis pod is deleted at once', [{ atMs: 0, act: 'delete-pods', whom: 'all-redis' }]],
  [
    'the primary is killed together with an app pod',
    [
      { atMs: 0, act: 'kill', ...redisOf('primary') },
      { atMs: 300, act: 'delete-pods', whom: 'app' },
    ],
  ],
  [
    'every Redis hangs, and an app pod is deleted meanwhile',
    [
      { atMs: 0, act: 'hang', ...redisOf('all-redis') },
      { atMs: 5_000, act: 'delete-pods', whom: 'app' },
      { atMs: 20_000, act: 'resume', ...redisOf('all-redis') },
    ],
  ],
  [
    "the primary's node is stopped",
    [
      { atMs: 0, act: 'stop-node', whom: 'primary' },
      { atMs: 12_000, act: 'start-node', whom: 'primary' },
    ],
  ],
])(
  'when %s, no acknowledged session write is lost, nothing removed comes back, and no request is refused',
  async (what, steps) => {
    await strike(subject, what, steps);
    await sleep(WARM_MS);
    const { refused } = await reckon(what);
    expect(refused).toEqual([]);
  },
);

test('the app is rolled, and goes from three pods to six and back, without a request being refused or a session lost', async () => {
  const { kubectl } = ground;
  const patch = (spec: object) =>
    kubectl(['-n', STORED, 'patch', 'hpc', STORED, '--type=merge', '-p', JSON.stringify({ spec })]);
  const rolledOut = () =>
    kubectl(['-n', STORED, 'rollout', 'status', `deploy/${STORED}`, '--timeout=170s'], {
      timeoutMs: 180_000,
    });
  await patch({ app: { env: [{ name: 'ROLLED', value: 'yes' }] } });
  await sleep(1_000);
  await rolledOut();
  for (const replicas of [MOST_PODS, APP_PODS]) {
    await patch({ app: { replicas } });
    await sleep(1_000);
    await rolledOut();
    await sleep(WARM_MS);
  }
  const { refused } = await reckon('rolled, and scaled to six and back');
  expect(refused).toEqual([]);
});
