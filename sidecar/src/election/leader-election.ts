import {
  ELECTION_MESSAGE_TYPE,
  type LeaderElection as ElectionPayload,
  type LeaderEventName,
  type LeaderView,
} from '@hyperpage/contract';
import type { Registry } from '@hyperpage/runtime';
import {
  type Clock,
  createElection,
  type ElectionNotice,
  type LeasePort,
  type Logger,
} from '@hyperpage/runtime';
import type { Bus } from '../bus/index.ts';
import type { TermFloor } from '../redis/port.ts';
import { electionMetrics } from './metrics.ts';
import type { SidecarElectionPeers } from './peers.ts';
import type { LeaderElection } from './port.ts';

export interface LeaderElectionOptions {
  podId: string;
  /** `identityOf(podId, bootId)`. */
  identity: string;
  lease: { name: string; namespace: string };
  timeoutMs: number;
  heartbeatMs: number;
  leases: LeasePort;
  /** Absent: a leader is replaced when its Lease has run out. */
  peers?: SidecarElectionPeers | undefined;
  /** Where leadership is announced, and heard of. */
  bus: Bus;
  termFloor: TermFloor;
  clock: Clock;
  random: () => number;
  log: Logger;
  registry: Registry;
}

/** The payload of `election` messages: the product spec's, with `newLeader` ('' when the leader has gone). */
type Announcement = ElectionPayload & { newLeader: string };

const FLOOR_RETRY_MS = 1_000;

/** Election on the Lease, with what Redis adds: news of a hand-over at once, and a floor of terms that outlives a
 *  deleted Lease. Neither is needed to elect: the Lease is the truth. */
export function createLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const { podId, bus, termFloor, clock, log } = options;
  const election = createElection(options);
  const metrics = electionMetrics(options.registry, election);
  const listeners = new Set<(event: LeaderEventName, view: LeaderView) => void>();

  const announce = async (leading: boolean, term: number) => {
    const payload: Announcement = {
      newLeader: leading ? podId : '',
      leaderId: podId,
      term,
      lastHeartbeat: clock.wallMs(),
      status: leading ? 'active' : 'expired',
    };
    const outcome = await bus.announceElection(payload);
    if (outcome.kind !== 'sent') log.debug({ outcome: outcome.kind, term }, 'election message not sent');
  };

  /** The floor matters when the Lease has lost its term: a leader raises it, a follower asks for it. Redis may come
   *  later than we do: ask until it tells. */
  let asking = false;
  let stopping = false;
  const learnFloor = async (): Promise<void> => {
    const { isLeader, term: own } = election.view();
    const term = await (isLeader ? termFloor.raise(own) : termFloor.read());
    if (term !== undefined) return election.raiseFloor(term);
    if (asking || stopping) return;
    asking = true;
    clock.after(FLOOR_RETRY_MS, () => {
      asking = false;
      detached(learnFloor());
    });
  };

  const detached = (work: Promise<void>) =>
    void work.catch((err: unknown) => log.warn({ err }, 'telling of leadership failed'));

  const onNotice = (notice: ElectionNotice) => {
    metrics.count(notice);
    if (notice.kind === 'renewal') return;
    if (notice.kind === 'lease-replaced') {
      detached(learnFloor());
      return;
    }
    const view = election.view();
    for (const listener of listeners) listener(notice.kind, view);
    if (notice.kind !== 'acquired') return;
    detached(announce(true, notice.term));
    detached(learnFloor());
  };

  election.on(onNotice);
  options.peers?.answerWith(election.answer);
  const subscription = bus.subscribe((event) => {
    if (event.kind === 'gap') return election.wake();
    const { type, sourcePod } = event.message;
    if (type === ELECTION_MESSAGE_TYPE && sourcePod !== podId) election.wake();
  });

  return {
    view: () => election.view(),
    ready: () => election.hasRead(),
    on: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stepDown: (forMs) => election.stepDown(forMs),
    start: () => {
      detached(learnFloor());
      election.start();
    },
    stop: async () => {
      stopping = true;
      subscription.close();
      const { isLeader, term } = election.view();
      await election.stop();
      if (isLeader) await announce(false, term);
    },
  };
}
