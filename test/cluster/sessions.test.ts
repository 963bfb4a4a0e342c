/** What sessions promise, on real pods under every fault: what is acknowledged is there afterwards, what was removed stays
 *  removed, writes of several clients stand side by side, and with two pods alive the app sees no error. */
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Ledger, SessionClients, type Step } from '../../dev/chaos/index.ts';
import {
  createSubject,
  enter,
  type Ground,
  progress,
  strike,
  type Subject,
  untilWhole,
} from './support/ground.ts';

// What takes long on a busy machine may be tried once more; what is lost is counted for good, below.
jest.retryTimes(1, { logErrorsBeforeRetry: true });

const STORED = 'sessions';
const APP_PODS = 3;
const MOST_PODS = 10;
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

/** Everything that was ever found wrong: a trial may be repeated, a loss may not. */
const wrong = { lost: [] as string[], resurrected: [] as string[] };
let told = tallyOf(new Ledger());
let refusedBefore: Record<string, number> = {};

function tallyOf({ counts }: Ledger) {
  const { acknowledged, removed, uncertain, stale, reads } = counts;
  return { ...acknowledged, removed, uncertain, stale, reads };
}

/** What became of all promises since the last time, told in a line. Gives what was refused. */
async function reckon(what: string): Promise<string[]> {
  const { ledger } = clients;
  const { lost, resurrected } = await clients.account();
  const now = tallyOf(ledger);
  const since = (name: keyof typeof now) => now[name] - told[name];
  progress.say(
    `  ${what}: ${since('redis')} acknowledged by Redis, ${since('peer')} by peers, ${since('local')} by one pod; ${since('reads')} reads, ${since('stale')} stale, ${since('removed')} removed, ${since('uncertain')} cut; ${lost.length} lost, ${resurrected.length} resurrected, ${ledger.merged()} sessions merged`,
  );
  const { refused } = ledger.counts;
  const fresh = Object.keys(refused).filter((why) => (refused[why] ?? 0) > (refusedBefore[why] ?? 0));
  for (const why of fresh) progress.say(`      refused: ${why}`);
  told = now;
  refusedBefore = { ...refused };
  wrong.lost.push(...lost);
  wrong.resurrected.push(...resurrected);
  expect({ lost, resurrected }).toEqual({ lost: [], resurrected: [] });
  return fresh;
}

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
    expect(await reckon(what)).toEqual([]);
  },
);

test('the app is rolled, and goes from three pods to ten and back, without a request being refused or a session lost', async () => {
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
  expect(await reckon('rolled, and scaled to ten and back')).toEqual([]);
});

test('in all of it thousands of writes were acknowledged, by Redis and by pods, none was lost, and nothing came back', () => {
  expect(wrong).toEqual({ lost: [], resurrected: [] });
  const { redis, peer, removed } = tallyOf(clients.ledger);
  expect(redis + peer).toBeGreaterThan(2000);
  expect(peer).toBeGreaterThan(100);
  expect(removed).toBeGreaterThan(50);
  expect(clients.ledger.merged()).toBeGreaterThan(50);
});
