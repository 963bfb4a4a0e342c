import { type Logger, sleep, within } from '@hyperpage/runtime';
import { Journal, type JournalEntry } from './journal.ts';
import { copyOf, LocalCopies } from './local-copies.ts';
import type { FallbackMetrics } from './metrics.ts';
import {
  applyOperation,
  join,
  MAX_SESSION_BYTES,
  type Operation,
  type StoredSession,
  TOMBSTONE_MS,
} from './operation.ts';
import { NO_PEERS, type PeerService, type PeerWord, type SessionPeers } from './peers.ts';
import type { RedisClock } from './redis-clock.ts';
import { Replay } from './replay.ts';
import { creationStamp } from './stamps.ts';
import type { Applied, Found, Merged, SessionTarget } from './target.ts';

export interface FallbackOptions {
  clock: RedisClock;
  random: () => number;
  log: Logger;
  ttlMs: number;
  metrics: FallbackMetrics;
  /** Calls back when the remote target is in reach again. Gives the way to stop. */
  onReachable: (listener: () => void) => () => void;
  /** Nobody by default. */
  peers?: SessionPeers;
  most?: { sessions: number; copyBytes: number; journalSessions: number; journalBytes: number };
}

/** A target that goes on without Redis, and helps other pods to. */
export interface FallbackTarget extends SessionTarget {
  readonly service: PeerService;
  /** Redis came back without its data: gives it every copy that is here, of removed sessions too. Every pod does, and of
   *  what several have the latest stays. Resolves to how many sessions it took back; stops where Redis goes again. */
  restore(): Promise<number>;
}

const MIB = 1024 * 1024;
const MOST = { sessions: 5000, copyBytes: 8 * MIB, journalSessions: 10_000, journalBytes: 8 * MIB };
/** Sessions written back at the same time, so that their writes commit in groups. */
const PARALLEL = 32;
const PENDING = 'Redis does not have all writes yet';
/** For so long after Redis was last in trouble other pods may hold what it does not have yet. */
const CATCH_UP_MS = 5000;
/** Less than the patience of the pod that asks (peers/client.ts). */
const PEER_PATIENCE_MS = 300;

/** Sessions go on while Redis is gone: each is held by this pod and two others, and joined in again when Redis is back.
 *
 *  R1. A session in the journal is served from there, and from what its other holders have, until Redis has it all: reads
 *      see the pod's own writes, and those that any pod with the same neighbours acknowledged.
 *  R2. What is held is a state that can be joined (operation.ts): twice, late, by several pods and in any order gives
 *      the same. Of each field the later write stays (S3).
 *  R3. A removal wins over everything that is held, here or there (S2). An update never makes a session.
 *  R4. A write has the latest moment that now can be, and is answered when that has passed for sure: what is asked for
 *      after the answer, of any pod, comes later (Corbett et al., "Spanner", 2012). Pods share Redis's clock (redis-clock.ts).
 *  R5. Full is refused. Nothing that was answered is forgotten but by age, by a removal, or with all that hold it. */
export function withFallback(remote: SessionTarget, options: FallbackOptions): FallbackTarget {
  const { clock, log, ttlMs, metrics, peers = NO_PEERS } = options;
  const most = options.most ?? MOST;
  const copies = new LocalCopies({ sessions: most.sessions, bytes: most.copyBytes });
  const journal = new Journal({ sessions: most.journalSessions, bytes: most.journalBytes });
  const replay = new Replay({ ...options, journal, remote, onSettled: learn, share });
  const stopListening = options.onReachable(() => {
    gathered.clear();
    troubledMs = clock.monotonicMs();
    void replay.start();
  });
  metrics.watch(() => journal.size);

  let troubledMs = Number.NEGATIVE_INFINITY;
  const isCatchingUp = () => clock.monotonicMs() - troubledMs <= CATCH_UP_MS;
  /** Has whoever holds the session give it to Redis. False where one still has to. */
  const catchUp = async (sessionId: string) => {
    const told = await peers.read(sessionId, { wide: false });
    return told.every(({ pending }) => pending === undefined);
  };
  /** Whether Redis has all that is known here. Waits for nothing when there was no trouble: most requests come then. */
  const isSettled = (sessionId: string): boolean | Promise<boolean> => {
    const settled = replay.settle(sessionId);
    const others = () => (isCatchingUp() && replay.worthTrying() ? catchUp(sessionId) : true);
    return settled === true ? others() : settled.then((done) => done && others());
  };
  const noteTrouble = ({ kind }: Applied | Found) => {
    if (kind !== 'unavailable' && kind !== 'not-acknowledged') return;
    troubledMs = clock.monotonicMs();
    replay.pause();
  };
  /** For another pod, which waits for us no longer than it can be without us: undefined when Redis is slow or away. */
  const soon = async <Outcome extends Merged | Found>(outcome: Promise<Outcome>) => {
    const found = await within(clock, PEER_PATIENCE_MS, outcome, 'Redis is slow').catch(() => undefined);
    if (found && found.kind !== 'unavailable') return found as Exclude<Outcome, { kind: 'unavailable' }>;
    replay.pause();
    return undefined;
  };

  /** Sessions of which every pod has been asked since Redis was gone: any of them may have seen the last write. */
  const gathered = new Set<string>();
  const isGathered = (sessionId: string) => journal.get(sessionId) !== undefined || gathered.has(sessionId);

  /** Copies of exactly what Redis had, not of what pods know together. */
  const copiesOfRedis = new WeakSet<StoredSession>();
  const held = (sessionId: string) => journal.get(sessionId)?.held ?? copies.get(sessionId);

  /** Keeps what Redis says of a session, unless something was written here meanwhile: that is newer. */
  function learn(sessionId: string, outcome: Applied | Found | Merged): void {
    if (journal.get(sessionId)) return;
    const nowMs = clock.wallMs();
    if (outcome.kind === 'ok') {
      // The near cache gives the same leaves again and again.
      if (copies.touch(sessionId, outcome.snapshot, nowMs + ttlMs)) return;
      const copy = copyOf(outcome.snapshot, nowMs + ttlMs);
      copiesOfRedis.add(copy);
      copies.set(sessionId, copy);
    } else if (outcome.kind === 'removed') {
      copies.set(sessionId, { kind: 'gone', expiresMs: nowMs + TOMBSTONE_MS });
    } else if (outcome.kind === 'not-found' || outcome.kind === 'taken') forgetLive(sessionId);
  }

  /** The copy is of a session that ended; that it was removed is worth knowing. */
  function forgetLive(sessionId: string): void {
    if (copies.get(sessionId)?.kind === 'live') copies.delete(sessionId);
  }

  /** Joins in what was told, and keeps it beside what is here. */
  function heed(sessionId: string, words: readonly PeerWord[]): StoredSession | undefined {
    let known = held(sessionId);
    for (const word of words) if (word.held) known = join(known, word.held);
    return known;
  }

  /** Has other pods hold the entry, and gives what all of them know together. */
  async function share(sessionId: string, entry: JournalEntry) {
    const told = await peers.hold(sessionId, entry.held);
    const known = heed(sessionId, told) ?? entry.held;
    if (told.some(({ consistency }) => consistency === 'redis')) {
      journal.settle(sessionId, entry);
      if (!journal.get(sessionId)) copies.set(sessionId, known);
      return { known, consistency: 'redis' as const };
    }
    entry.peers = told.length;
    return { known, consistency: told.length > 0 ? ('peer' as const) : ('local' as const) };
  }

  function keep(sessionId: string, state: StoredSession, reason: string): JournalEntry | undefined {
    const entry = journal.add(sessionId, state, clock.monotonicMs());
    if (!entry) metrics.refused.inc();
    else {
      if (journal.size === 1) log.warn({ reason }, 'sessions go on in the memory of the pods');
      copies.delete(sessionId);
      replay.schedule();
    }
    return entry;
  }

  async function applyHere(asked: Operation, reason: string): Promise<Applied> {
    const { sessionId } = asked;
    if (asked.term !== undefined) {
      return { kind: 'unavailable', reason: `${reason}, and a write under a term waits for Redis` };
    }
    if (asked.kind === 'update' && (!isGathered(sessionId) || asked.ifVersion !== undefined)) {
      const { known, inRedis } = await gather(sessionId);
      if (!known) return inRedis ? { kind: 'not-found' } : unseen(reason);
    }
    const startMs = clock.monotonicMs();
    const offMs = clock.heard ? clock.uncertaintyMs() + 1 : undefined;
    const operation = ofNow(asked, offMs && clock.wallMs() + offMs);
    const before = held(sessionId);
    const verdict = applyOperation(before, operation, clock.wallMs(), ttlMs);
    if (verdict.kind === 'too-large') return { ...verdict, limitBytes: MAX_SESSION_BYTES };
    if (verdict.kind !== 'ok' && verdict.kind !== 'removed') return verdict;
    const entry = keep(sessionId, verdict.stored, reason);
    if (!entry) return { kind: 'unavailable', reason: `${reason}, and the journal of writes is full` };
    const { known, consistency } = await share(sessionId, entry);
    const leftMs = startMs + 2 * (offMs ?? 0) - clock.monotonicMs();
    if (leftMs > 0) await sleep(clock, leftMs);
    if (verdict.kind === 'removed')
      return { kind: 'removed', existed: verdict.existed || !before, consistency };
    // Removed by another pod.
    if (known.kind === 'gone') return { kind: 'not-found' };
    return { kind: 'ok', snapshot: known, consistency };
  }

  /** What is known of the session, here and by the pods that answer. */
  async function gather(sessionId: string) {
    const wide = !isGathered(sessionId);
    const told = await peers.read(sessionId, { wide });
    const fromRedis = told.filter(({ consistency }) => consistency === 'redis');
    const inRedis = fromRedis.length > 0;
    const isPending = journal.get(sessionId) !== undefined || told.some(({ pending }) => pending);
    // Redis was asked, and has no such session: the copies are of one that ended.
    if (inRedis && !isPending && fromRedis.every((word) => !word.held)) {
      forgetLive(sessionId);
      return { known: undefined, inRedis, consistency: 'redis' as const };
    }
    const known = heed(sessionId, told);
    if (known && !journal.get(sessionId)) {
      copies.set(sessionId, known);
      if (wide && told.length > 0 && gathered.size < most.sessions) gathered.add(sessionId);
    }
    const consistency = inRedis
      ? ('redis' as const)
      : told.some((word) => word.held)
        ? ('peer' as const)
        : ('local' as const);
    return { known, inRedis, consistency };
  }

  async function readHere(sessionId: string, reason: string): Promise<Found> {
    const { known, inRedis, consistency } = await gather(sessionId);
    if (!known) return inRedis ? { kind: 'not-found' } : unseen(reason);
    const nowMs = clock.wallMs();
    if (known.kind === 'gone' || known.expiresMs <= nowMs) return { kind: 'not-found' };
    const used = { ...known, activeMs: nowMs, expiresMs: nowMs + ttlMs };
    if (!journal.get(sessionId)) copies.set(sessionId, used);
    return { kind: 'ok', snapshot: used, consistency };
  }

  /** Others have copies of what was removed: whoever is asked when Redis is gone should know better. */
  function announce(sessionId: string): void {
    const gone = held(sessionId);
    if (gone?.kind === 'gone') void peers.hold(sessionId, gone).catch(() => {});
  }

  const settledSoon = (sessionId: string) =>
    within(clock, PEER_PATIENCE_MS, Promise.resolve(replay.settle(sessionId)), 'Redis is slow').catch(
      () => false,
    );

  const now = () => (clock.heard ? { now: { ms: clock.wallMs(), offMs: clock.uncertaintyMs() } } : {});
  const service: PeerService = {
    async hold(sessionId, theirs) {
      if (replay.worthTrying()) {
        const entry = journal.get(sessionId);
        const outcome = await soon(remote.merge(sessionId, join(entry?.held, theirs)));
        if (outcome?.kind === 'ok' || outcome?.kind === 'removed') {
          if (entry) journal.settle(sessionId, entry);
          learn(sessionId, outcome);
          const gone = { kind: 'gone' as const, expiresMs: clock.wallMs() + TOMBSTONE_MS };
          return {
            ...now(),
            consistency: 'redis',
            held: outcome.kind === 'ok' ? copyOf(outcome.snapshot, theirs.expiresMs) : gone,
          };
        }
        if (outcome?.kind === 'damaged') return undefined;
      }
      const entry = keep(sessionId, join(held(sessionId), theirs), 'another pod does not reach Redis');
      if (!entry) return undefined;
      // Whoever asks holds it too.
      entry.peers = 1;
      return { ...now(), consistency: 'peer', held: entry.held };
    },
    async read(sessionId) {
      if (replay.worthTrying() && (await settledSoon(sessionId))) {
        const found = await soon(remote.read(sessionId));
        if (found) {
          learn(sessionId, found);
          const read = found.kind === 'ok' ? { held: copyOf(found.snapshot, clock.wallMs() + ttlMs) } : {};
          return { ...now(), consistency: 'redis', ...read };
        }
      }
      const known = held(sessionId);
      const pending = journal.get(sessionId) ? { pending: true as const } : {};
      return { ...now(), consistency: 'peer', ...(known ? { held: known } : {}), ...pending };
    },
  };

  async function restore(): Promise<number> {
    const nowMs = clock.wallMs();
    const queue = copies.entries().filter(([, { expiresMs }]) => expiresMs > nowMs);
    let restored = 0;
    const worker = async () => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        const outcome = await remote.merge(...next);
        if (outcome.kind === 'unavailable') return;
        if (outcome.kind === 'ok') restored += 1;
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    metrics.restored.inc(restored);
    log.warn({ sessions: restored }, 'Redis had lost its data: what this pod has seen was written back');
    return restored;
  }

  return {
    service,
    restore,
    async apply(operation) {
      const { sessionId } = operation;
      if (!(await isSettled(sessionId))) return applyHere(operation, PENDING);
      const outcome = await remote.apply(operation);
      noteTrouble(outcome);
      if (outcome.kind === 'unavailable') return applyHere(operation, outcome.reason);
      if (outcome.kind === 'not-acknowledged' && !('ifVersion' in operation)) {
        // The primary has it and may lose it: we hold it until it is confirmed.
        const stands = await applyHere(operation, 'a write was not confirmed');
        return stands.kind === 'unavailable' ? outcome : stands;
      }
      learn(sessionId, outcome);
      if (outcome.kind === 'removed') announce(sessionId);
      return outcome;
    },
    merge: (sessionId, state) => remote.merge(sessionId, state),
    async read(sessionId) {
      const isTried = replay.worthTrying();
      const settled = isSettled(sessionId);
      if (settled !== true && !(await settled)) return readHere(sessionId, PENDING);
      const copy = copies.get(sessionId);
      const known = copy?.kind === 'live' && copiesOfRedis.has(copy) ? copy : undefined;
      const outcome = await remote.read(sessionId, known);
      noteTrouble(outcome);
      if (outcome.kind === 'unavailable') return readHere(sessionId, outcome.reason);
      if (journal.get(sessionId)) return readHere(sessionId, PENDING);
      // It is there after all: what others have for it goes first.
      if (!isTried && isCatchingUp() && !(await catchUp(sessionId))) return readHere(sessionId, PENDING);
      // Was it removed meanwhile, or has Redis lost it? Where there is a tombstone this changes nothing.
      if (
        outcome.kind === 'not-found' &&
        known &&
        isCatchingUp() &&
        copy &&
        copy.expiresMs > clock.wallMs()
      ) {
        const back = await remote.merge(sessionId, copy);
        if (back.kind === 'ok') return back;
      }
      learn(sessionId, outcome);
      return outcome;
    },
    count: () => remote.count(),
    async sweep() {
      copies.sweep(clock.wallMs());
      return remote.sweep();
    },
    ready() {
      const readiness = remote.ready();
      return readiness.ready ? readiness : { ...readiness, ready: true, consistency: 'local' };
    },
    async close() {
      await replay.flush();
      stopListening();
      await remote.close();
    },
  };
}

/** The operation as it is done without Redis, at `latestMs`: no pod's clock has been there yet. Undefined: nobody knows. */
function ofNow(operation: Operation, latestMs: number | undefined): Operation {
  if (operation.kind === 'remove') return { ...operation, bury: true };
  if (operation.kind === 'create' || latestMs === undefined) return operation;
  return { ...operation, stamp: creationStamp(Math.ceil(latestMs)) };
}

const unseen = (reason: string) =>
  ({ kind: 'unavailable', reason: `${reason}, and no pod that answers has seen the session` }) as const;
