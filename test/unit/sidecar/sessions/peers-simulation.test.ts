import type { Operation } from '../../../../sidecar/src/sessions/operation.ts';
import { createStamper, jsonOf } from '../../../../sidecar/src/sessions/stamps.ts';
import { randomOf } from '../../../support/random.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';
import { type Pod, SessionPods } from './session-pods.ts';

const SEEDS = Number(process.env['HYPERPAGE_SEEDS'] ?? 150);
const STEPS = 120;
const CLIENTS = 3;
/** As long as a pod that was cut off is asked last. */
const SHUNNED_MS = 5000;
/** Less than a tombstone stands (24 hours), half of it to either side. */
const MOST_AHEAD_MS = 11 * 3_600_000;

/** What one client knows of its own field in one session: numbers that only grow. */
interface Field {
  asked: number;
  acknowledged: number;
  /** Of those, the last that Redis had at once, and the last that pods held. */
  redis: number;
  peer: number;
  /** The pod that alone holds the last acknowledged one: it may die with it. */
  alone?: Pod | undefined;
}

/** A history of one seed, and what it must not contain: an acknowledged write that is lost (S1), a session that comes back
 *  (S2), a field that another field's write took away (S3), an own write that is not seen. */
async function simulate(seed: number): Promise<string[]> {
  const random = randomOf(seed);
  const clock = new VirtualClock();
  const cluster = new SessionPods(clock, random);
  for (let n = 0; n < 3 + Math.floor(random() * 4); n++) cluster.start();
  const stampers = new Map<Pod, () => string>();
  const stampOf = (pod: Pod) => {
    const stamp = stampers.get(pod) ?? createStamper(pod.clock);
    stampers.set(pod, stamp);
    return stamp();
  };
  const sessions = new Map<string, { fields: Field[]; removed: boolean; removing: boolean; alone?: Pod }>();
  const wrong: string[] = [];
  let ops = 0;
  let killedInOutage = false;
  /** When a pod was last out of the others' reach. */
  let cutMs = Number.NEGATIVE_INFINITY;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const nextOp = () => `${seed}-${ops++}`;
  const settleSoon = async <T>(answer: Promise<T>): Promise<T | undefined> => {
    const values: T[] = [];
    void answer.then((value) => values.push(value));
    for (let n = 0; n < 800 && values.length === 0; n++) await clock.advance(10);
    return values[0];
  };

  const write = async (sessionId: string, client: number) => {
    const session = sessions.get(sessionId);
    const field = session?.fields[client];
    if (!session || !field) return;
    const pod = pick(cluster.pods);
    field.asked += 1;
    const value = field.asked;
    const operation: Operation = {
      kind: 'update',
      sessionId,
      opId: nextOp(),
      leaves: new Map([[`/uiState/field${client}`, String(value)]]),
      stamp: stampOf(pod),
    };
    const outcome = await settleSoon(pod.target.apply(operation));
    if (outcome?.kind !== 'ok' || !pod.alive) return;
    field.acknowledged = value;
    if (outcome.consistency !== 'local') field[outcome.consistency] = value;
    field.alone = outcome.consistency === 'local' ? pod : undefined;
  };

  const read = async (sessionId: string) => {
    const session = sessions.get(sessionId);
    if (!session) return;
    const pod = pick(cluster.pods);
    if (cluster.pods.some(({ heard }) => !heard)) return;
    const before = session.fields.map(({ redis, peer }) => ({ redis, peer, local: 0 }));
    const wasRemoved = session.removed;
    const outcome = await settleSoon(pod.target.read(sessionId));
    if (outcome?.kind !== 'ok') return;
    // What else is promised of reads is promised where the pods hear each other.
    if (outcome.consistency === 'local' || killedInOutage || clock.monotonicMs() - cutMs < SHUNNED_MS) return;
    if (wasRemoved) wrong.push(`${sessionId} is read after it was removed`);
    session.fields.forEach((_, client) => {
      const seen = Number(jsonOf(outcome.snapshot.leaves.get(`/uiState/field${client}`) ?? '0'));
      const floor = before[client]?.[outcome.consistency] ?? 0;
      if (seen < floor)
        wrong.push(`${sessionId}.${client} reads ${seen} after ${floor} (${outcome.consistency})`);
    });
  };

  const create = async () => {
    const sessionId = `s${sessions.size}`;
    const leaves = new Map([['/userId', '"u"']]);
    const pod = pick(cluster.pods);
    const createdMs = cluster.ownClock(pod).wallMs();
    const outcome = await settleSoon(
      pod.target.apply({ kind: 'create', sessionId, opId: nextOp(), leaves, createdMs }),
    );
    if (outcome?.kind !== 'ok' || outcome.consistency === 'local') return;
    const fields = Array.from({ length: CLIENTS }, () => ({ asked: 0, acknowledged: 0, redis: 0, peer: 0 }));
    sessions.set(sessionId, { fields, removed: false, removing: false });
  };

  const remove = async (sessionId: string) => {
    const session = sessions.get(sessionId);
    if (!session) return;
    const pod = pick(cluster.pods);
    session.removing = true;
    const outcome = await settleSoon(pod.target.apply({ kind: 'remove', sessionId, opId: nextOp() }));
    if (outcome?.kind === 'removed' && outcome.consistency !== 'local') session.removed = true;
  };

  const breakSomething = async () => {
    const dice = random();
    const { pods } = cluster;
    const set = pick(pods);
    // One that has heard nobody since its start knows no better than its machine.
    if (set.clock.heard && random() < 0.4) set.aheadMs = Math.round((random() - 0.5) * 2 * MOST_AHEAD_MS);
    if (pods.some(({ heard }) => !heard)) cutMs = clock.monotonicMs();
    if (dice < 0.3) cluster.reach(false);
    else if (dice < 0.5) cluster.reach(true);
    else if (dice < 0.65) cluster.reach(false, pick(pods));
    else if (dice < 0.75) {
      const away = pods.filter(({ heard }) => !heard);
      if (away.length > 0) for (const pod of away) pod.heard = true;
      else pick(pods).heard = false;
    } else if (!killedInOutage && pods.every(({ heard }) => heard)) {
      killedInOutage = true;
      const victim = pick(pods);
      for (const { fields } of sessions.values())
        for (const field of fields) if (field.alone === victim) field.acknowledged = 0;
      cluster.kill(victim);
      cluster.start();
    }
  };

  /** Everything is there again, and time passes until nobody holds anything back. */
  const heal = async () => {
    if (cluster.pods.some(({ heard }) => !heard)) cutMs = clock.monotonicMs();
    for (const pod of cluster.pods) pod.heard = true;
    cluster.reach(true);
    await clock.advance(30_000);
    killedInOutage = false;
  };

  for (let n = 0; n < 3; n++) await create();
  for (let step = 0; step < STEPS; step++) {
    const dice = random();
    const ids = [...sessions.keys()];
    if (dice < 0.05) await create();
    else if (dice < 0.5) {
      // Several at once, of different clients.
      const sessionId = pick(ids);
      await Promise.all(Array.from({ length: CLIENTS }, (_, client) => write(sessionId, client)));
    } else if (dice < 0.8) await read(pick(ids));
    else if (dice < 0.83) await remove(pick(ids));
    else if (dice < 0.95) await breakSomething();
    else await heal();
  }
  await heal();
  for (const [sessionId, { fields, removed, removing }] of sessions) {
    const stored = cluster.world.sessions.get(sessionId);
    if (removed && stored?.kind === 'live') wrong.push(`${sessionId} is back after it was removed`);
    if (removing) continue;
    if (stored?.kind !== 'live') {
      wrong.push(`${sessionId} is lost`);
      continue;
    }
    fields.forEach(({ acknowledged }, client) => {
      const kept = Number(jsonOf(stored.leaves.get(`/uiState/field${client}`) ?? '0'));
      if (kept < acknowledged)
        wrong.push(`${sessionId}.${client} is ${kept}, ${acknowledged} was acknowledged`);
    });
  }
  return wrong;
}

describe('sessions on several pods while Redis comes and goes', () => {
  test(`in ${SEEDS} histories no acknowledged write is lost, nothing removed comes back, and own writes are seen`, async () => {
    const found: string[] = [];
    for (let seed = 1; seed <= SEEDS && found.length < 5; seed++)
      found.push(...(await simulate(seed)).map((what) => `seed ${seed}: ${what}`));
    expect(found).toEqual([]);
  }, 120_000);
});

test('what one pod wrote while Redis was there is seen by another, whose copy is older, when Redis is gone', async () => {
  const clock = new VirtualClock();
  const cluster = new SessionPods(clock, randomOf(1));
  const [a, b] = Array.from({ length: 12 }, () => cluster.start()) as [Pod, Pod];
  const done = async <T>(answer: Promise<T>): Promise<T> => {
    await clock.advance(1000);
    return answer;
  };
  // Of so many sessions, those that a holds are few.
  const ids = Array.from({ length: 10 }, (_, n) => `s${n}`);
  const stamp = createStamper(clock);
  for (const sessionId of ids) {
    const createdMs = clock.wallMs();
    await done(a.target.apply({ kind: 'create', sessionId, opId: '1', leaves: new Map(), createdMs }));
    await done(b.target.read(sessionId));
    const leaves = new Map([['/userId', '"later"']]);
    await done(a.target.apply({ kind: 'update', sessionId, opId: '2', leaves, stamp: stamp() }));
  }
  cluster.reach(false);
  for (const sessionId of ids) {
    const found = await done(b.target.read(sessionId));
    expect(found).toMatchObject({ kind: 'ok', consistency: 'peer' });
    expect(found.kind === 'ok' && jsonOf(found.snapshot.leaves.get('/userId') ?? '')).toBe('"later"');
  }
});

test('right after Redis is back nobody reads there what is still to be written back', async () => {
  const clock = new VirtualClock();
  const cluster = new SessionPods(clock, randomOf(3));
  const [a, b] = Array.from({ length: 8 }, () => cluster.start()) as [Pod, Pod];
  const all = async <T>(answers: Array<Promise<T>>): Promise<T[]> => {
    await clock.advance(5000);
    return Promise.all(answers);
  };
  const ids = Array.from({ length: 200 }, (_, n) => `s${n}`);
  const createdMs = clock.wallMs();
  const leaves = new Map([['/userId', '"u"']]);
  await all(
    ids.map((sessionId) => a.target.apply({ kind: 'create', sessionId, opId: '1', leaves, createdMs })),
  );
  cluster.reach(false);
  await all(ids.map((sessionId) => a.target.apply({ kind: 'remove', sessionId, opId: '2' })));
  cluster.reach(true);
  const found = await all(ids.map((sessionId) => b.target.read(sessionId)));
  expect(found.filter(({ kind }) => kind !== 'not-found')).toEqual([]);
});

test('a Redis that comes back empty is given what the pods have seen, the latest of each, and nothing that was removed', async () => {
  const clock = new VirtualClock();
  const cluster = new SessionPods(clock, randomOf(2));
  const [a, b, c] = [cluster.start(), cluster.start(), cluster.start()];
  const done = async <T>(answer: Promise<T>): Promise<T> => {
    await clock.advance(1000);
    return answer;
  };
  const stamp = createStamper(clock);
  const write = (pod: Pod, sessionId: string, leaf: string, value: string) =>
    done(
      pod.target.apply({
        kind: 'update',
        sessionId,
        opId: `${sessionId}${leaf}${value}`,
        leaves: new Map([[leaf, JSON.stringify(value)]]),
        stamp: stamp(),
      }),
    );
  for (const sessionId of ['kept', 'removed']) {
    const leaves = new Map([['/userId', '"u"']]);
    await done(
      a.target.apply({ kind: 'create', sessionId, opId: sessionId, leaves, createdMs: clock.wallMs() }),
    );
    await write(b, sessionId, '/preferences/theme', 'dark');
    await write(c, sessionId, '/preferences/theme', 'light');
    await write(a, sessionId, '/preferences/language', 'de');
  }
  await done(b.target.apply({ kind: 'remove', sessionId: 'removed', opId: 'r' }));
  cluster.reach(false);
  cluster.world.forget();
  await clock.advance(1000);
  cluster.reach(true);
  await done(Promise.all([a, b, c].map(({ target }) => target.restore())));
  const kept = cluster.world.sessions.get('kept');
  const values = kept?.kind === 'live' ? Object.fromEntries(kept.leaves) : {};
  expect(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, jsonOf(value)]))).toEqual({
    '/userId': '"u"',
    '/preferences/theme': '"light"',
    '/preferences/language': '"de"',
  });
  expect(cluster.world.sessions.get('removed')?.kind).toBe('gone');
  expect((await done(c.target.read('removed'))).kind).toBe('not-found');
});
