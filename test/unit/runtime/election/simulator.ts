import { LEASE_ANNOTATIONS, UNKNOWN_HOLDER } from '@hyperpage/contract';
import { type Lease, neverHeld, type ReadOutcome, step, type WriteOutcome } from '@hyperpage/runtime';
import { randomOf } from '../../../support/random.ts';
import { Candidate, NAME, type Request, type Surroundings, TIMEOUT_MS } from './simulated-candidate.ts';

/** A simulated world for the election: candidates with clocks of their own speed, an API server behind a network that
 *  delays and loses, pauses, restarts, and somebody who deletes the Lease. All of it follows from one seed.
 *
 *  Time here is the world's, in milliseconds; a candidate sees it only through its clock. After every event it checks:
 *  E1, no two processes are valid; E2, every new term is above all before it. */

export interface Rules {
  guardRatio: number;
  /** Replaces the machine, to see that the checks find what a broken one does. */
  step: typeof step;
}

export const SOUND: Rules = { guardRatio: 0.1, step };

export interface Outcome {
  violations: string[];
  /** Times that somebody began to lead. */
  acquired: number;
  /** Part of the time during which somebody was valid. */
  led: number;
}

export function simulate(seed: number, rules: Rules = SOUND, durationMs = 120_000): Outcome {
  const world = new World(seed, rules);
  world.run(durationMs);
  return { violations: world.violations, acquired: world.acquired, led: world.ledMs / durationMs };
}

class World implements Surroundings {
  readonly violations: string[] = [];
  acquired = 0;
  ledMs = 0;
  nowMs = 0;
  highestTerm = 0;
  #events: Array<{ atMs: number; order: number; run: () => void }> = [];
  #order = 0;
  #revision = 1;
  #lease: Lease | undefined = { ...neverHeld(NAME.name, NAME.namespace) };
  readonly #candidates: Candidate[] = [];
  readonly rules: Rules;
  readonly random: () => number;
  /** How bad this world is. */
  readonly lossRate: number;
  readonly delayMs: number;
  readonly createMissing: boolean;

  constructor(seed: number, rules: Rules) {
    this.rules = rules;
    this.random = randomOf(seed);
    this.lossRate = this.random() * 0.3;
    // Some worlds are slower than a Lease is long.
    this.delayMs = 5 * 10 ** (this.random() * 3);
    this.createMissing = this.random() < 0.5;
    this.#store(this.#lease as Lease);
    const count = 2 + Math.floor(this.random() * 3);
    for (let pod = 0; pod < count; pod += 1) this.#boot(pod);
    this.at(this.random() * 20_000, () => this.#mischief());
  }

  at(atMs: number, run: () => void): void {
    this.#events.push({ atMs, order: this.#order++, run });
  }

  run(untilMs: number): void {
    for (;;) {
      let next = 0;
      for (let i = 1; i < this.#events.length; i += 1)
        if (before(this.#events[i], this.#events[next])) next = i;
      const event = this.#events[next];
      if (!event || event.atMs > untilMs) return;
      this.#events.splice(next, 1);
      if (this.#valid().length > 0) this.ledMs += event.atMs - this.nowMs;
      this.nowMs = event.atMs;
      event.run();
      this.#check();
    }
  }

  announce(term: number, who: string): void {
    this.acquired += 1;
    if (term <= this.highestTerm) this.#violate(`E2: ${who} began term ${term} after ${this.highestTerm}`);
    this.highestTerm = Math.max(this.highestTerm, term);
  }

  /** The API server: what it does on arrival of a request. */
  serve(effect: Request): ReadOutcome | WriteOutcome {
    if (effect.kind === 'read')
      return this.#lease ? { kind: 'found', lease: this.#lease } : { kind: 'missing' };
    const { kind, lease } = effect.write;
    if (kind === 'found')
      return this.#lease ? { kind: 'conflict' } : this.#store(lease, `uid-${this.#revision}`);
    if (!this.#lease) return { kind: 'missing' };
    const same = this.#lease.metadata.resourceVersion === lease.metadata.resourceVersion;
    return same ? this.#store(lease) : { kind: 'conflict' };
  }

  /** A quarter is lost on each way as often as the other; a lost answer is a write that was done. */
  delay(): number | 'lost' {
    if (this.random() < this.lossRate / 2) return 'lost';
    return this.random() ** 3 * this.delayMs * 4;
  }

  #store(lease: Lease, uid = lease.metadata.uid ?? 'uid-0'): WriteOutcome {
    const resourceVersion = String(this.#revision++);
    this.#lease = { ...lease, metadata: { ...lease.metadata, uid, resourceVersion } };
    return { kind: 'written', lease: this.#lease };
  }

  #boot(pod: number): void {
    const candidate = new Candidate(this, `pod-${pod}`, `boot${this.#order}`);
    this.#candidates[pod] = candidate;
    candidate.hear({ kind: 'start' });
    candidate.tellFloor();
  }

  /** What happens to pods and Leases, again and again. */
  #mischief(): void {
    this.at(this.nowMs + this.random() * 15_000, () => this.#mischief());
    const pod = Math.floor(this.random() * this.#candidates.length);
    const candidate = this.#candidates[pod] as Candidate;
    const dice = this.random();
    if (dice < 0.3) candidate.pause(this.random() * 3 * TIMEOUT_MS);
    else if (dice < 0.45) {
      candidate.crash();
      this.at(this.nowMs + this.random() * 2000, () => this.#boot(pod));
    } else if (dice < 0.6) {
      candidate.hear({ kind: 'stop' });
      this.at(this.nowMs + 10_000, () => {
        candidate.crash();
        this.#boot(pod);
      });
    } else if (dice < 0.75) candidate.hear({ kind: 'wake' });
    else if (dice < 0.85) this.#deleteLease();
    else candidate.hear({ kind: 'floor', term: this.highestTerm });
  }

  /** Somebody deletes the Lease; the operator, if it is there, makes it anew as held by someone unknown. */
  #deleteLease(): void {
    this.#lease = undefined;
    if (this.random() < 0.3) return;
    this.at(this.nowMs + this.random() * 3000, () => {
      if (this.#lease) return;
      const lease: Lease = {
        metadata: { ...NAME, annotations: { [LEASE_ANNOTATIONS.term]: String(this.highestTerm) } },
        spec: {
          holderIdentity: UNKNOWN_HOLDER,
          leaseDurationSeconds: TIMEOUT_MS / 1000,
          renewTime: `operator-${this.#revision}`,
        },
      };
      this.#store(lease, `uid-${this.#revision}`);
    });
  }

  #valid(): Candidate[] {
    return this.#candidates.filter((candidate) => candidate.isValid());
  }

  #check(): void {
    const valid = this.#valid();
    if (valid.length > 1) this.#violate(`E1: ${valid.map(({ name }) => name).join(' and ')} are both valid`);
  }

  #violate(what: string): void {
    this.violations.push(`at ${Math.round(this.nowMs)} ms: ${what}`);
  }
}

const before = (
  a: { atMs: number; order: number } | undefined,
  b: { atMs: number; order: number } | undefined,
) => a !== undefined && b !== undefined && (a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order));
