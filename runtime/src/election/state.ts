import type { Elector, Known } from './electors.ts';
import type { Lease } from './lease.ts';
import type { Answer, Ask, Promised } from './promise.ts';

/** What one candidate knows. Only `step` makes a new one. All times are the candidate's own monotonic clock. */
export interface ElectionState {
  readonly config: ElectionConfig;
  readonly phase: 'idle' | 'running' | 'stopping' | 'stopped';
  readonly role: Follower | Leader;
  /** The Lease as last read or written; undefined until the first answer. */
  readonly observed: Observed | undefined;
  /** When the Lease's holder was heard last: by the Lease, or as it asked for a promise. */
  readonly heardMs: number;
  /** Highest term seen anywhere: in the Lease, as a floor, or our own. */
  readonly highestTerm: number;
  /** Term of our last `acquired`: leadership that was lost never comes back under the same one. */
  readonly announcedTerm: number;
  /** Longest Lease duration seen or configured: how long a missing Lease is waited out. */
  readonly longestMs: number;
  /** The one request under way. */
  readonly inFlight: Read | Write | undefined;
  /** Writes without an answer that may still be done: all are bound to the resourceVersion in `observed`. */
  readonly unsettled: readonly Write[];
  /** Something says that `observed` is out of date. */
  readonly mustRead: boolean;
  /** In a row, of each sort; together they space the retries. */
  readonly failures: { readonly reads: number; readonly writes: number };
  /** No request before this. */
  readonly notBeforeMs: number;
  readonly readDueMs: number;
  readonly renewDueMs: number;
  /** The last `renewTime` we wrote, in microseconds: each write has one of its own, and is known again by it. */
  readonly lastWriteMicros: number;
  /** Labels, annotations and owners of the Lease when it was last there: one that is made anew gets them again. */
  readonly lastMetadata: Lease['metadata'] | undefined;
  /** What this process, as an elector, has promised last; lapsed or not, its term binds for good. */
  readonly promised: Promised | undefined;
  /** Highest term that another one's refusal named. */
  readonly refusedTerm: number;
  /** Where other processes answer. */
  readonly peers: readonly string[];
  /** Who answered there last, by address. */
  readonly known: ReadonlyMap<string, Known>;
  /** Promises to us. */
  readonly support: Support;
  /** Our attempt to gather promises, before the Lease is taken. */
  readonly round: Round | undefined;
  /** Attempts that failed in a row. */
  readonly attempts: number;
  readonly roundNotBeforeMs: number;
  /** Until when, at most, somebody was told that this process leads: nobody else may, also if it ends before. */
  readonly toldUntilMs: number;
  /** Who has stepped down does not stand again before this. */
  readonly abstainUntilMs: number;
  /** Other processes that have led, or were let because somebody prefers them; the last few. */
  readonly hadTurn: readonly string[];
  /** A leader that lost its majority leaves the Lease to others until then. */
  readonly retakeNotBeforeMs: number;
  readonly beatDueMs: number;
  readonly tellDueMs: number;
  readonly searchDueMs: number;
  /** The electors that the leader is about to write into the Lease. */
  readonly wanted: { readonly electors: readonly Elector[]; readonly sinceMs: number } | undefined;
  readonly changeNotBeforeMs: number;
}

export interface Support {
  /** By elector: when the last promise that it gave was asked for. Each is counted from there, a guard time short. */
  readonly grants: ReadonlyMap<string, number>;
  /** Promises under lower terms were given back, and do not count when their answers come late. */
  readonly fromTerm: number;
}

export interface Round {
  /** `held`: from a majority of the electors that the Lease names, whose holder is silent towards them.
   *  `open`: the Lease may be taken anyway; whoever promises becomes an elector. */
  readonly kind: 'held' | 'open';
  readonly stage: 'probing' | 'gathering' | 'won';
  readonly term: number;
  /** The Lease that it is about: another ends it. */
  readonly basis: string;
  /** `held`: those the Lease names. `open`, once won: those that will be named. */
  readonly electors: readonly Elector[];
  readonly hosts: readonly string[];
  /** Would promise, or did. */
  readonly willing: ReadonlyMap<string, Known>;
  readonly answers: number;
  readonly endsAtMs: number;
}

export interface ElectionConfig {
  /** `<pod>_<bootId>`. */
  readonly identity: string;
  /** Name and namespace of the Lease: needed to make one that is missing. */
  readonly lease: { readonly name: string; readonly namespace: string };
  /** Length of the Lease. */
  readonly timeoutMs: number;
  /** Time between renewals, and between a follower's reads. At most half of `timeoutMs`. */
  readonly heartbeatMs: number;
  /** Part of `timeoutMs` by which a leader counts its own validity short. With clock rates within ±5 %, a leader's
   *  slow clock and a follower's fast one need a little under 0.1. */
  readonly guardRatio: number;
  /** Whether to make a Lease that is missing, as held by someone unknown; otherwise somebody else does. */
  readonly createMissing: boolean;
  /** In [0, 1), drawn once: spreads retries of many candidates. */
  readonly jitter: number;
  /** Absent: no promises, a leader is replaced when its Lease has run out. */
  readonly electors?: ElectorsConfig | undefined;
}

export interface ElectorsConfig {
  /** Where this process answers others, `ip:port`. */
  readonly host: string;
  /** Electors are spread over nodes. */
  readonly node: string;
  /** How long a promise lasts. */
  readonly promiseMs: number;
  /** Time between a leader's requests to renew them. At most a quarter of `promiseMs`, so that a lost one costs nothing. */
  readonly beatMs: number;
}

export interface Follower {
  readonly kind: 'follower';
}
export interface Leader {
  readonly kind: 'leader';
  readonly term: number;
  /** Leadership ends here unless a renewal is acknowledged, or promises are renewed: the smaller of both. */
  readonly validUntilMs: number;
  /** What the Lease alone gives. */
  readonly leaseUntilMs: number;
  /** When the last acknowledged renewal was sent. */
  readonly renewedAtMs: number;
}

export interface Observed {
  /** undefined: the Lease is missing. */
  readonly lease: Lease | undefined;
  /** When holder, renewTime, duration and uid were first seen as they are. */
  readonly sinceMs: number;
}

export interface Read {
  readonly kind: 'read';
}
export interface Write {
  /** `found`: make a missing Lease, held by someone unknown. */
  readonly kind: 'acquire' | 'renew' | 'release' | 'found';
  readonly lease: Lease;
  readonly term: number;
  readonly sentAtMs: number;
  /** Of an acquisition: whom it follows. */
  readonly after?: Predecessor | undefined;
}

/** The leader before this one, as this process knew it. */
export interface Predecessor {
  /** How it is followed: it gave the Lease up; a majority's promises to it lapsed; its Lease ran out. */
  readonly how: 'handed-over' | 'promises' | 'expiry';
  /** When it was heard last. */
  readonly heardMs: number;
}

/** The two clocks at one moment. Decisions read `monotonicMs`; `wallMs` is only written into the Lease. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export type LostReason =
  | 'expired'
  | 'unsupported'
  | 'superseded'
  | 'term-overtaken'
  | 'stepped-down'
  | 'stopped';

export interface AskEffect {
  readonly kind: 'ask';
  readonly host: string;
  readonly ask: Ask;
  readonly sentAtMs: number;
}

export type Effect =
  | Read
  | { readonly kind: 'write'; readonly write: Write }
  | {
      readonly kind: 'acquired';
      readonly term: number;
      /** How long after the leader before it was heard last; absent where there was none, or it was this process. */
      readonly takeover?: { readonly how: Predecessor['how']; readonly ms: number } | undefined;
    }
  | { readonly kind: 'lost'; readonly term: number; readonly reason: LostReason }
  | {
      readonly kind: 'failed';
      readonly what: 'read' | Write['kind'];
      readonly outcome: 'conflict' | 'missing' | 'refused' | 'unknown' | 'failed';
      readonly error?: unknown;
    }
  /** `tookMs`: from sending it to its answer. */
  | { readonly kind: 'renewed'; readonly tookMs: number }
  | AskEffect
  /** To who asked. */
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** The Lease is missing, or is another object than before: its term may be too low. Who keeps a floor elsewhere
   *  should tell it now; there is a Lease's duration of time for it. */
  | { readonly kind: 'lease-replaced' }
  | { readonly kind: 'released' }
  | { readonly kind: 'stopped' };

export interface Step {
  readonly state: ElectionState;
  readonly effects: readonly Effect[];
}

export const initialState = (config: ElectionConfig): ElectionState => ({
  config,
  phase: 'idle',
  role: { kind: 'follower' },
  observed: undefined,
  heardMs: 0,
  highestTerm: 0,
  announcedTerm: 0,
  longestMs: config.timeoutMs,
  inFlight: undefined,
  unsettled: [],
  mustRead: false,
  failures: { reads: 0, writes: 0 },
  notBeforeMs: 0,
  readDueMs: 0,
  renewDueMs: 0,
  lastWriteMicros: 0,
  lastMetadata: undefined,
  promised: undefined,
  refusedTerm: 0,
  peers: [],
  known: new Map(),
  support: { grants: new Map(), fromTerm: 0 },
  round: undefined,
  attempts: 0,
  roundNotBeforeMs: 0,
  toldUntilMs: Number.NEGATIVE_INFINITY,
  abstainUntilMs: Number.NEGATIVE_INFINITY,
  hadTurn: [],
  retakeNotBeforeMs: 0,
  beatDueMs: 0,
  tellDueMs: 0,
  searchDueMs: 0,
  wanted: undefined,
  changeNotBeforeMs: 0,
});
