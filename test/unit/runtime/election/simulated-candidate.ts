import {
  type Effect,
  type ElectionEvent,
  type ElectionState,
  type Instant,
  identityOf,
  initialState,
  type ReadOutcome,
  type step,
  type WriteOutcome,
  wakeAtMs,
} from '@hyperpage/runtime';

export const TIMEOUT_MS = 6000;
export const HEARTBEAT_MS = 2000;
export const NAME = { name: 'leader', namespace: 'demo' };

export type Request = Extract<Effect, { kind: 'read' | 'write' }>;

/** The world as a candidate meets it. */
export interface Surroundings {
  /** The world's time. */
  readonly nowMs: number;
  readonly highestTerm: number;
  readonly createMissing: boolean;
  readonly rules: { guardRatio: number; step: typeof step };
  readonly random: () => number;
  at(atMs: number, run: () => void): void;
  announce(term: number, who: string): void;
  serve(request: Request): ReadOutcome | WriteOutcome;
  delay(): number | 'lost';
}

/** One process: the machine, a clock of its own speed, and a network between it and the API server. */
export class Candidate {
  readonly name: string;
  readonly #world: Surroundings;
  readonly #rate: number;
  readonly #offsetMs: number;
  #state: ElectionState;
  #alive = true;
  #pausedUntilMs = 0;
  #wakeAtMs: number | undefined;

  constructor(world: Surroundings, pod: string, bootId: string) {
    this.#world = world;
    this.name = identityOf(pod, bootId);
    this.#rate = 0.95 + world.random() * 0.1;
    this.#offsetMs = world.random() * 1e6;
    this.#state = initialState({
      identity: this.name,
      lease: NAME,
      timeoutMs: TIMEOUT_MS,
      heartbeatMs: HEARTBEAT_MS,
      guardRatio: world.rules.guardRatio,
      createMissing: world.createMissing,
      jitter: world.random(),
    });
  }

  /** Whether it may act as leader at this moment: also while it is paused, as nothing takes that from it. */
  isValid(): boolean {
    const { role } = this.#state;
    return this.#alive && role.kind === 'leader' && this.#now().monotonicMs < role.validUntilMs;
  }

  crash(): void {
    this.#alive = false;
  }

  pause(ms: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#world.nowMs + ms);
  }

  hear(event: ElectionEvent): void {
    if (!this.#alive) return;
    if (this.#world.nowMs < this.#pausedUntilMs) {
      this.#world.at(this.#pausedUntilMs, () => this.hear(event));
      return;
    }
    const { state, effects } = this.#world.rules.step(this.#state, event, this.#now());
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    this.#setTimer();
  }

  /** Redis tells the highest term that ever was, a little later. */
  tellFloor(): void {
    const world = this.#world;
    const atMs = world.nowMs + world.random() * 2000;
    world.at(atMs, () => this.hear({ kind: 'floor', term: world.highestTerm }));
  }

  #carryOut(effect: Effect): void {
    if (effect.kind === 'lease-replaced') this.tellFloor();
    if (effect.kind === 'acquired') this.#world.announce(effect.term, this.name);
    if (effect.kind !== 'read' && effect.kind !== 'write') return;
    const world = this.#world;
    const there = world.delay();
    if (there === 'lost') return this.#timeOut(effect);
    world.at(world.nowMs + there, () => {
      const outcome = world.serve(effect);
      const back = world.delay();
      // An answer that comes too late is none.
      if (back === 'lost' || there + back > HEARTBEAT_MS) return this.#timeOut(effect, there);
      world.at(world.nowMs + back, () => this.hear(answerTo(effect, outcome)));
    });
    return;
  }

  #timeOut(effect: Request, afterMs = 0): void {
    const error = new Error('no answer');
    const outcome =
      effect.kind === 'read' ? ({ kind: 'failed', error } as const) : ({ kind: 'unknown', error } as const);
    const world = this.#world;
    const atMs = world.nowMs + Math.max(0, HEARTBEAT_MS - afterMs);
    world.at(atMs, () => this.hear(answerTo(effect, outcome)));
  }

  #setTimer(): void {
    const dueMs = wakeAtMs(this.#state);
    this.#wakeAtMs = dueMs;
    if (dueMs === undefined) return;
    const inMs = Math.max(0, dueMs - this.#now().monotonicMs) / this.#rate + 0.01;
    this.#world.at(this.#world.nowMs + inMs, () => {
      if (this.#wakeAtMs === dueMs) this.hear({ kind: 'tick' });
    });
  }

  #now(): Instant {
    const monotonicMs = this.#offsetMs + this.#world.nowMs * this.#rate;
    return { monotonicMs, wallMs: 1.8e12 + this.#world.nowMs };
  }
}

const answerTo = (effect: Request, outcome: ReadOutcome | WriteOutcome): ElectionEvent =>
  effect.kind === 'read'
    ? { kind: 'read-answered', outcome: outcome as ReadOutcome }
    : { kind: 'write-answered', outcome: outcome as WriteOutcome };
