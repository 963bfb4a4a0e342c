import {
  type Answer,
  type AskEffect,
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

import { afterTelling, viewOf } from '../../../../runtime/src/election/election.ts';

export const TIMEOUT_MS = 6000;
export const HEARTBEAT_MS = 2000;
export const PROMISE_MS = 600;
export const BEAT_MS = 150;
export interface Rules {
  guardRatio: number;
  /** Replaces the machine, to see that the checks find what a broken one does. */
  step: typeof step;
  /** The API server writes without comparing. */
  blindWrites?: boolean;
  /** The app is told all of the validity that there is, and that is forgotten. */
  tellsAll?: boolean;
  /** A restarted process goes by the name of the one before. */
  sameBoot?: boolean;
  /** Counts by a clock that people set. */
  byTheWall?: boolean;
}

export const NAME = { name: 'leader', namespace: 'demo' };

export type Request = Extract<Effect, { kind: 'read' | 'write' }>;

/** The world as a candidate meets it. */
export interface Surroundings {
  /** The world's time. */
  readonly nowMs: number;
  readonly highestTerm: number;
  readonly createMissing: boolean;
  readonly rules: Rules;
  readonly random: () => number;
  readonly electors: boolean;
  at(atMs: number, run: () => void): void;
  announce(term: number, who: string): void;
  serve(request: Request): ReadOutcome | WriteOutcome;
  /** Of a message to the API server, or from it. */
  delay(pod: string): number | 'lost';
  answerDelay(pod: string): number | 'lost';
  /** Of a message between two pods: how long each copy takes; none when it is lost. */
  delays(from: string, to: string): number[];
  /** The process that runs in a pod. */
  inPod(pod: string): Candidate | undefined;
  note(who: string, what: () => string): void;
}

type Reply = (answer: Answer) => void;

/** One process: the machine, a clock of its own speed, and a network between it and the API server. */
export class Candidate {
  readonly name: string;
  readonly pod: string;
  readonly node: string;
  readonly #world: Surroundings;
  readonly #rate: number;
  readonly #offsetMs: number;
  #state: ElectionState;
  #alive = true;
  #pausedUntilMs = 0;
  #aheadMs = 0;
  #wakeAtMs: number | undefined;

  constructor(world: Surroundings, pod: string, bootId: string, node: string) {
    this.#world = world;
    this.pod = pod;
    this.node = node;
    this.name = identityOf(pod, world.rules.sameBoot ? 'boot' : bootId);
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
      electors: world.electors ? { host: pod, node, promiseMs: PROMISE_MS, beatMs: BEAT_MS } : undefined,
    });
  }

  /** Whether it may act as leader at this moment: also while it is paused, as nothing takes that from it. */
  isValid(): boolean {
    const { role } = this.#state;
    return this.#alive && role.kind === 'leader' && this.#now().monotonicMs < role.validUntilMs;
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  get isPaused(): boolean {
    return this.#world.nowMs < this.#pausedUntilMs;
  }

  get state(): ElectionState {
    return this.#state;
  }

  /** The app asks how long its pod may lead; gives until when, in the world's time. It does not hear of anything else. */
  tellApp(): number | undefined {
    if (!this.#alive || this.isPaused || this.#state.phase !== 'running') return undefined;
    const nowMs = this.#now().monotonicMs;
    const view = viewOf(this.#state, nowMs);
    const { role } = this.#state;
    const whole = role.kind === 'leader' ? Math.max(0, role.validUntilMs - nowMs) : 0;
    const validForMs = this.#world.rules.tellsAll ? whole : view.validForMs;
    if (!this.#world.rules.tellsAll) this.#state = afterTelling(this.#state, view, nowMs);
    return validForMs > 0 ? this.#world.nowMs + validForMs / this.#rate : undefined;
  }

  crash(): void {
    this.#world.note(this.name, () => 'crashes');
    this.#alive = false;
  }

  pause(ms: number): void {
    this.#world.note(this.name, () => `stops for ${Math.round(ms)} ms`);
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#world.nowMs + ms);
  }

  /** Somebody sets the machine's clock, so far from the right time. */
  setClock(aheadMs: number): void {
    this.#aheadMs = aheadMs;
  }

  hear(event: ElectionEvent, reply?: Reply): void {
    if (!this.#alive) return;
    if (this.isPaused) {
      this.#world.at(this.#pausedUntilMs, () => this.hear(event, reply));
      return;
    }
    const { state, effects } = this.#world.rules.step(this.#state, event, this.#now());
    this.#state = state;
    for (const effect of effects) {
      if (effect.kind === 'answer') reply?.(effect.answer);
      else this.#carryOut(effect);
    }
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
    const world = this.#world;
    if (effect.kind === 'acquired') world.announce(effect.term, this.name);
    if (effect.kind === 'lost') world.note(this.name, () => `LOST ${effect.term} ${effect.reason}`);
    if (effect.kind === 'ask') return this.#ask(effect);
    if (effect.kind !== 'read' && effect.kind !== 'write') return;
    if (effect.kind === 'write')
      world.note(this.name, () => `sends ${effect.write.kind} term ${effect.write.term}`);
    const there = world.delay(this.pod);
    if (there === 'lost') return this.#timeOut(effect);
    world.at(world.nowMs + there, () => {
      const outcome = world.serve(effect);
      const back = world.answerDelay(this.pod);
      // An answer that comes too late is none.
      if (back === 'lost' || there + back > HEARTBEAT_MS) return this.#timeOut(effect, there);
      world.at(world.nowMs + back, () => this.hear(answerTo(effect, outcome)));
    });
    return;
  }

  /** Each copy that arrives is answered, each answer may come twice; without one there is silence after a while. */
  #ask(asked: AskEffect): void {
    const world = this.#world;
    let open = true;
    const settle = (answer: Answer | undefined) => {
      if (!open && answer === undefined) return;
      open = false;
      this.hear({ kind: 'answered', asked, answer });
    };
    for (const there of world.delays(this.pod, asked.host)) {
      world.at(world.nowMs + there, () =>
        world.inPod(asked.host)?.hear({ kind: 'asked', ask: asked.ask }, (answer) => {
          for (const back of world.delays(asked.host, this.pod))
            world.at(world.nowMs + back, () => settle(answer));
        }),
      );
    }
    world.at(world.nowMs + 2 * BEAT_MS, () => settle(undefined));
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
    const dueMs = wakeAtMs(this.#state, this.#now());
    this.#wakeAtMs = dueMs;
    if (dueMs === undefined) return;
    const inMs = Math.max(0, dueMs - this.#now().monotonicMs) / this.#rate + 0.01;
    this.#world.at(this.#world.nowMs + inMs, () => {
      if (this.#wakeAtMs === dueMs) this.hear({ kind: 'tick' });
    });
  }

  #now(): Instant {
    const wallMs = 1.8e12 + this.#world.nowMs + this.#aheadMs;
    const monotonicMs = this.#offsetMs + this.#world.nowMs * this.#rate;
    return { monotonicMs: this.#world.rules.byTheWall ? wallMs : monotonicMs, wallMs };
  }
}

const answerTo = (effect: Request, outcome: ReadOutcome | WriteOutcome): ElectionEvent =>
  effect.kind === 'read'
    ? { kind: 'read-answered', outcome: outcome as ReadOutcome }
    : { kind: 'write-answered', outcome: outcome as WriteOutcome };
