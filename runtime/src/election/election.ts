import type { LeaderView } from '@hyperpage/contract';
import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { wakeAtMs } from './decide.ts';
import { electorsOf } from './electors.ts';
import { type LeasePort, podOf } from './lease.ts';
import type { Answer, Ask } from './promise.ts';
import { durationMs, holderOf } from './record.ts';
import { expiringAtMs, tellableUntilMs } from './support.ts';
import {
  type AskEffect,
  type Effect,
  type ElectionState,
  type ElectorsConfig,
  type Instant,
  initialState,
  type LostReason,
  type Write,
} from './state.ts';
import { type ElectionEvent, step } from './step.ts';

/** A leader's own slow clock against a follower's fast one, ±5 % each, and a little more. */
const GUARD_RATIO = 0.1;
/** An API server that does not answer must not use up a pod's grace period. */
const STOP_WITHIN_MS = 5_000;

export interface ElectionOptions {
  /** `identityOf(pod, bootId)`: a restarted process is another candidate. */
  identity: string;
  lease: { name: string; namespace: string };
  /** Length of the Lease, in milliseconds; a crashed leader is replaced after it. */
  timeoutMs: number;
  /** Time between renewals, in milliseconds; at most half of `timeoutMs`. */
  heartbeatMs: number;
  /** Whether to make a Lease that is missing, once it was missed for a full duration; it is then waited out again.
   *  Needs the right to create Leases. Default false: somebody else makes it. */
  createMissing?: boolean;
  leases: LeasePort;
  /** The other processes, and how to reach them: with them a leader is replaced within a second, however long the Lease
   *  is. Absent: when the Lease has run out. */
  peers?: ElectionPeers | undefined;
  clock: Clock;
  /** Gives numbers in [0, 1). */
  random: () => number;
  log: Logger;
}

/** How an election's processes speak with each other, without the API server. */
export interface ElectionPeers extends ElectorsConfig {
  /** Undefined: no answer within about `beatMs`. Never throws. */
  ask(host: string, ask: Ask): Promise<Answer | undefined>;
  /** Tells where the other processes answer, now and whenever that changes, until the returned function is called. */
  follow(listener: (hosts: readonly string[]) => void): () => void;
}

export type ElectionNotice =
  | Extract<Effect, { kind: 'acquired' }>
  | { kind: 'lost'; term: number; reason: LostReason }
  /** Two thirds of the validity have passed, and nothing has renewed it. */
  | { kind: 'expiring'; term: number }
  /** Leader or term, as this candidate knows them, are others than before. */
  | { kind: 'changed' }
  /** The Lease was deleted, or deleted and made anew: its term may be too low. `raiseFloor` if you know better. */
  | { kind: 'lease-replaced' }
  | { kind: 'renewal'; outcome: 'ok'; tookMs: number }
  | { kind: 'renewal'; outcome: 'failed' };

export interface Election {
  start(): void;
  /** Steps down at once, gives the Lease up and ends. Resolves when that is done, has failed or takes too long: then
   *  the Lease is left to expire. */
  stop(): Promise<void>;
  /** What is known now. `isLeader` and `validForMs` are true at the moment of the call, also after a pause. */
  view(): LeaderView;
  /** Time this process may still act as leader, in milliseconds; 0 means stop now. Counted from when the last
   *  acknowledged renewal was *sent*, on our monotonic clock: `renewTime` was written by another machine's. */
  remainingMs(nowMs: number): number;
  /** Whether the Lease has been read at least once. */
  hasRead(): boolean;
  /** The pods whose promises the leader needs, as far as this process knows: none means that a crashed leader is replaced
   *  when its Lease has run out. */
  electors(): readonly string[];
  /** Reads the Lease at once: somebody says that it was released or has a new holder. */
  wake(): void;
  /** What this process answers another one's question. */
  answer(ask: Ask): Answer;
  /** Gives leadership up, and does not stand again for `forMs`. False when this process does not lead. */
  stepDown(forMs: number): boolean;
  /** Raises the floor of terms: ours will be above `term`. */
  raiseFloor(term: number): void;
  /** Calls `listener` on every notice, in order, until the returned function is called. */
  on(listener: (notice: ElectionNotice) => void): () => void;
}

/** Takes part in the election on one Lease. Nothing happens before `start`. */
export function createElection(options: ElectionOptions): Election {
  const { clock, leases, log, peers } = options;
  const pod = podOf(options.identity);
  let state = initialState({
    ...options,
    createMissing: options.createMissing ?? false,
    guardRatio: GUARD_RATIO,
    jitter: options.random(),
    electors: peers && {
      host: peers.host,
      node: peers.node,
      promiseMs: peers.promiseMs,
      beatMs: peers.beatMs,
    },
  });
  let timer: Timer | undefined;
  let told = { leader: null as string | null, term: 0 };
  const listeners = new Set<(notice: ElectionNotice) => void>();
  const stopped = Promise.withResolvers<void>();
  const notify = (notice: ElectionNotice) => {
    for (const listener of listeners) listener(notice);
  };

  const dispatch = (event: ElectionEvent): readonly Effect[] => {
    const result = step(state, event, nowOf(clock));
    state = result.state;
    timer?.cancel();
    const wakeAt = wakeAtMs(state, nowOf(clock));
    watchExpiry();
    timer =
      wakeAt === undefined
        ? undefined
        : clock.after(Math.max(0, Math.ceil(wakeAt - clock.monotonicMs())), () => dispatch({ kind: 'tick' }));
    // Requests first: their validity counts from now, whatever the listeners take.
    for (const effect of result.effects) request(effect);
    for (const effect of result.effects) tell(effect);
    tellChange();
    tellElectors();
    if (state.phase === 'stopped') stopped.resolve();
    return result.effects;
  };

  let expiry: Timer | undefined;
  let expiryTold = false;
  /** Tells once, and again after the next renewal. */
  const watchExpiry = () => {
    expiry?.cancel();
    const atMs = expiringAtMs(state);
    const inMs = atMs === undefined ? Number.POSITIVE_INFINITY : atMs - clock.monotonicMs();
    if (inMs > 0) expiryTold = false;
    if (expiryTold || !Number.isFinite(inMs)) return;
    expiry = clock.after(Math.max(0, Math.ceil(inMs)), () => {
      if (state.role.kind !== 'leader' || remainingMs(state, clock.monotonicMs()) === 0) return;
      expiryTold = true;
      notify({ kind: 'expiring', term: state.role.term });
    });
  };

  const request = (effect: Effect) => {
    if (effect.kind === 'read') {
      void leases.read().then((outcome) => dispatch({ kind: 'read-answered', outcome }));
    } else if (effect.kind === 'write') {
      void send(leases, effect.write).then((outcome) => dispatch({ kind: 'write-answered', outcome }));
    } else if (effect.kind === 'ask') void converse(effect);
  };

  const converse = async (asked: AskEffect) => {
    const answer = await peers?.ask(asked.host, asked.ask);
    dispatch({ kind: 'answered', asked, answer });
  };

  const tell = (effect: Effect) => {
    logEffect(log, effect, state, { pod, nowMs: clock.monotonicMs() });
    if (effect.kind === 'acquired' || effect.kind === 'lost') {
      told = leaderAndTerm(state, clock.monotonicMs());
      notify(effect);
    } else if (effect.kind === 'lease-replaced') notify(effect);
    else if (effect.kind === 'renewed') notify({ kind: 'renewal', outcome: 'ok', tookMs: effect.tookMs });
    else if (effect.kind === 'failed' && effect.what === 'renew')
      notify({ kind: 'renewal', outcome: 'failed' });
  };

  let toldElectors = '';
  /** Once by each leader, and when they change under it. */
  const tellElectors = () => {
    if (state.role.kind !== 'leader' || !peers) return;
    const { term } = state.role;
    const electors = electorsOf(state.observed?.lease).map(({ id }) => podOf(id));
    const text = `${term} ${electors.join()}`;
    if (text === toldElectors) return;
    toldElectors = text;
    log.info({ term, electors, lease: options.lease.name }, 'electors of the leader');
  };

  const tellChange = () => {
    const known = leaderAndTerm(state, clock.monotonicMs());
    if (known.leader === told.leader && known.term === told.term) return;
    told = known;
    notify({ kind: 'changed' });
  };

  const follow = () => peers?.follow((hosts) => void dispatch({ kind: 'peers', hosts }));
  let unfollow: (() => void) | undefined;

  return {
    start: () => {
      unfollow = follow();
      dispatch({ kind: 'start' });
    },
    stop: () => {
      unfollow?.();
      dispatch({ kind: 'stop' });
      const late = clock.after(STOP_WITHIN_MS, () => stopped.resolve());
      return stopped.promise.finally(() => late.cancel());
    },
    view() {
      const nowMs = clock.monotonicMs();
      const view = viewOf(state, nowMs);
      state = afterTelling(state, view, nowMs);
      return view;
    },
    remainingMs: (nowMs) => remainingMs(state, nowMs),
    electors: () => electorsOf(state.observed?.lease).map(({ id }) => podOf(id)),
    hasRead: () => state.observed !== undefined,
    wake: () => void dispatch({ kind: 'wake' }),
    answer(ask) {
      const effects = dispatch({ kind: 'asked', ask });
      return (effects.find(({ kind }) => kind === 'answer') as Extract<Effect, { kind: 'answer' }>).answer;
    },
    stepDown(forMs) {
      if (remainingMs(state, clock.monotonicMs()) === 0) return false;
      dispatch({ kind: 'step-down', forMs });
      return true;
    },
    raiseFloor: (term) => void dispatch({ kind: 'floor', term }),
    on: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const nowOf = (clock: Clock): Instant => ({ monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() });

const send = (leases: LeasePort, { kind, lease }: Write) =>
  kind === 'found' ? leases.create(lease) : leases.update(lease);

export const remainingMs = ({ role }: ElectionState, nowMs: number): number =>
  role.kind === 'leader' ? Math.max(0, role.validUntilMs - nowMs) : 0;

/** Who leads and under which term, as this candidate knows it: itself while valid, else the Lease's holder until its
 *  duration has passed in silence. */
function leaderAndTerm(state: ElectionState, nowMs: number): { leader: string | null; term: number } {
  if (state.role.kind === 'leader' && remainingMs(state, nowMs) > 0) {
    return { leader: podOf(state.config.identity), term: state.role.term };
  }
  const term = state.highestTerm;
  const { lease, sinceMs = 0 } = state.observed ?? {};
  if (!lease || holderOf(lease, state.config.identity) !== 'other') return { leader: null, term };
  const silent = nowMs >= sinceMs + (durationMs(lease) ?? state.longestMs);
  return { leader: silent ? null : podOf(lease.spec?.holderIdentity ?? ''), term };
}

/** `state` once somebody has been told `view`. */
export const afterTelling = (
  state: ElectionState,
  { validForMs }: LeaderView,
  nowMs: number,
): ElectionState =>
  validForMs > 0 && nowMs + validForMs > state.toldUntilMs
    ? { ...state, toldUntilMs: nowMs + validForMs }
    : state;

export function viewOf(state: ElectionState, nowMs: number): LeaderView {
  // Floored: saying "valid for 1 ms" of half a millisecond would be a promise too much.
  const validForMs = Math.max(0, Math.floor(tellableUntilMs(state, nowMs) - nowMs));
  return { ...leaderAndTerm(state, nowMs), isLeader: validForMs > 0, validForMs };
}

function logEffect(
  log: Logger,
  effect: Effect,
  { config, role, highestTerm: term }: ElectionState,
  { pod, nowMs }: { pod: string; nowMs: number },
): void {
  const lease = config.lease.name;
  switch (effect.kind) {
    case 'acquired':
      return log.info({ pod, term: effect.term, lease, takeover: effect.takeover }, 'became leader');
    case 'lost':
      return log[effect.reason === 'stopped' || effect.reason === 'stepped-down' ? 'info' : 'warn'](
        { pod, term: effect.term, lease, reason: effect.reason },
        'lost leadership',
      );
    case 'lease-replaced':
      return log.warn({ lease, term }, 'lease was deleted or made anew');
    case 'released':
      return log.info({ pod, term, lease }, 'released leadership');
    case 'failed': {
      const { what, outcome, error: err } = effect;
      const since = role.kind === 'leader' ? { sinceRenewMs: Math.round(nowMs - role.renewedAtMs) } : {};
      if (what === 'renew') return log.warn({ err, lease, term, outcome, ...since }, 'lease renewal failed');
      // Losing a race is not worth a line.
      if (outcome === 'conflict') return log.debug({ lease, what }, 'lease was changed by another');
      return log.warn({ err, lease, what, outcome }, 'lease request failed');
    }
    default:
  }
}
