import { setTimeout as sleep } from 'node:timers/promises';
import { type Belief, overlaps } from '../beliefs.ts';
import { ended } from '../candidates.ts';
import { openElectorate, type Sidecar } from '../electorate.ts';
import { type Entry, row } from '../entry.ts';
import { prepareKubernetes, startKubernetes } from '../kubernetes.ts';
import { until } from '../program.ts';
import { startRedis } from '../redis.ts';

const MINUTES = Number(process.env['OUTAGE_MINUTES'] ?? '') || 10;
const LEASE_MS = 15 * 60_000;
const POLL_MS = 100;
const SAY_EVERY_MS = 60_000;

/** No API server for minutes, under a Lease that is longer. */
export const outage: Entry = {
  name: 'outage',
  what: `no API server for ${MINUTES} minutes under a Lease of fifteen: who leads goes on (only by --only; OUTAGE_MINUTES=n)`,
  limitMs: 120_000 + MINUTES * 60_000,
  onlyByName: true,
  prepare: prepareKubernetes,
  run: async (bench) => {
    const kubernetes = await startKubernetes(bench);
    const { port: redisPort } = await startRedis(bench);
    const beliefs: Belief[] = [];
    const env = { LEADER_ELECTION_TIMEOUT: `${LEASE_MS}` };
    const electorate = await openElectorate(bench, kubernetes, { redisPort, pollMs: POLL_MS, beliefs, env });
    const sidecars = await Promise.all([0, 1, 2].map((index) => electorate.start(index)));
    const { leader, term } = await until('somebody leads', () => leaderOf(sidecars), { timeoutMs: 30_000 });
    await electorate.settled(sidecars);

    await kubernetes.stop();
    const untilMs = performance.now() + MINUTES * 60_000;
    let lapses = 0;
    for (let saidMs = performance.now(); performance.now() < untilMs; await sleep(POLL_MS)) {
      const view = await leader.view().catch(() => undefined);
      if (!view?.isLeader || view.term !== term) lapses += 1;
      if (performance.now() - saidMs < SAY_EVERY_MS) continue;
      saidMs += SAY_EVERY_MS;
      bench.say(
        `${((untilMs - performance.now()) / 60_000).toFixed(0)} minutes to go, ${lapses} looks without a leader`,
      );
    }
    await kubernetes.start();
    // Its renewal, which waits longer after each failure.
    await until(
      'the Lease is renewed',
      async () => (await renewedAgoMs(kubernetes.readLease(electorate.lease))) < 5_000 || undefined,
      { timeoutMs: 60_000, everyMs: 500 },
    );
    const { term: after } = await leader.view();
    const { atMs } = await ended(leader, 'SIGKILL');
    const others = sidecars.filter((sidecar) => sidecar !== leader);
    await until('another one leads', () => leaderOf(others), { timeoutMs: 30_000, everyMs: 10 });
    const tookMs = performance.now() - atMs;

    const during = `${MINUTES} minutes without the API server, Lease 15 minutes`;
    const count = (id: string, what: string, value: number) =>
      row({ id: `outage/${id}`, what: `${during}: ${what}`, unit: 'times', value, atMost: 0 });
    return [
      count('lapses', 'looks at which the leader did not lead', lapses),
      count('terms', 'terms begun meanwhile and at its return', after - term),
      count('overlaps', 'pairs that were told at the same moment that they lead', overlaps(beliefs).length),
      row({
        id: 'outage/takeover',
        what: 'then the leader killed: time to the next',
        unit: 'ms',
        value: tookMs,
        atMost: 1000,
      }),
    ];
  },
};

async function leaderOf(
  sidecars: readonly Sidecar[],
): Promise<{ leader: Sidecar; term: number } | undefined> {
  for (const leader of sidecars) {
    const view = await leader.view().catch(() => undefined);
    if (view?.isLeader) return { leader, term: view.term };
  }
  return undefined;
}

const renewedAgoMs = async (lease: Promise<{ spec?: { renewTime?: string } }>): Promise<number> =>
  Date.now() - Date.parse((await lease).spec?.renewTime ?? '1970-01-01T00:00:00Z');
