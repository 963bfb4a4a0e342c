import type { CoordinationMessage, LeaderView, Member, PodCoordinator } from '@hyperpage/client';

/** What this pod knows of the cluster, for the page. */
export interface PodState {
  /** The pod that answers: behind a Service it may be another one each time. */
  pod: string;
  leader: string | null;
  term: number;
  isLeader: boolean;
  members: Member[];
}

export type FeedEvent =
  | { event: 'state'; data: PodState }
  | { event: 'message'; data: CoordinationMessage }
  | { event: 'gap'; data: { reason: string } };

const RECENT_MESSAGES = 30;

/** Everything that this pod hears, kept for whoever opens the page and passed on live. */
export class Feed {
  readonly #pod: string;
  readonly #coordinator: PodCoordinator;
  readonly #readers = new Set<(event: FeedEvent) => void>();
  #recent: CoordinationMessage[] = [];
  #members: Member[] = [];
  #leader: Pick<LeaderView, 'leader' | 'term' | 'isLeader'> = { leader: null, term: 0, isLeader: false };

  constructor(pod: string, coordinator: PodCoordinator) {
    this.#pod = pod;
    this.#coordinator = coordinator;
  }

  /** Begins to listen. The streams end with the coordinator. */
  start(): void {
    this.#coordinator.onLeaderChange((view) => {
      this.#leader = view;
      this.#tell({ event: 'state', data: this.state() });
    });
    this.#coordinator.onMembers((members) => {
      this.#members = members;
      this.#tell({ event: 'state', data: this.state() });
    });
    this.#coordinator.onMessage('*', (message) => {
      this.#recent = [...this.#recent, message].slice(-RECENT_MESSAGES);
      this.#tell({ event: 'message', data: message });
    });
    this.#coordinator.onGap((gap) => this.#tell({ event: 'gap', data: gap }));
  }

  state(): PodState {
    return {
      pod: this.#pod,
      leader: this.#leader.leader,
      term: this.#leader.term,
      isLeader: this.#coordinator.getIsLeader(),
      members: this.#members,
    };
  }

  /** Calls `reader` with the state, the recent messages and then everything new. Gives a way to end that. */
  follow(reader: (event: FeedEvent) => void): () => void {
    reader({ event: 'state', data: this.state() });
    for (const message of this.#recent) reader({ event: 'message', data: message });
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  #tell(event: FeedEvent): void {
    for (const reader of this.#readers) reader(event);
  }
}
