import { LEASE_ANNOTATIONS, UNKNOWN_HOLDER } from '@hyperpage/contract';
import { type Lease, neverHeld, type ReadOutcome, step, type WriteOutcome } from '@hyperpage/runtime';
import { randomOf } from '../../../support/random.ts';
import { Agenda } from './agenda.ts';
import {
  Candidate,
  NAME,
  type Request,
  type Rules,
  type Surroundings,
  TIMEOUT_MS,
} from './simulated-candidate.ts';

/** A simulated world for the election: candidates with clocks of their own speed, an API server and peers behind a
 *  network that delays, loses, doubles and reorders, partitions of any shape, pauses, restarts, pods that come and go, and
 *  somebody who deletes the Lease. All of it follows from one seed.
 *
 *  Time here is the world's, in milliseconds; a candidate sees it only through its clock. After every event it checks:
 *  E1, no two pods lead: neither are two processes valid, nor do two apps believe what they were told before (they live on
 *  when a process does not, and hear of nothing); E2, every new term is above all before it. */

export const SOUND: Rules = { guardRatio: 0.1, step };

export interface Options {
  rules?: Rules;
  /** Whether candidates have electors. */
  electors?: boolean;
  durationMs?: number;
  /** A network as good as a datacentre's, and this much time between one fault and the next. */
  calmMs?: number;
  /** Only these faults, by name. */
  faults?: readonly string[];
  pods?: number;
  /** Called with every line of the transcript. */
  transcript?: (line: string) => void;
}

export interface Outcome {
  violations: string[];
  /** Times that somebody began to lead. */
  acquired: number;
  /** Part of the time during which somebody was valid. */
  led: number;
  /** What was done to the world, by kind. */
  faults: Map<string, number>;
  /** How long nobody was valid, each time that a leader was followed by another, in milliseconds. */
  gapsMs: number[];
}

export function simulate(seed: number, options: Options = {}): Outcome {
  const { durationMs = 120_000 } = options;
  const world = new World(seed, options);
  world.run(durationMs);
  const { violations, acquired, faults, gapsMs } = world;
  return { violations, acquired, led: world.ledMs / durationMs, faults, gapsMs };
}

export class World implements Surroundings {
  readonly violations: string[] = [];
  readonly faults = new Map<string, number>();
  readonly gapsMs: number[] = [];
  acquired = 0;
  ledMs = 0;
  nowMs = 0;
  highestTerm = 0;
  readonly #agenda = new Agenda();
  #boots = 0;
  #revision = 1;
  #lease: Lease | undefined = { ...neverHeld(NAME.name, NAME.namespace) };
  #leaderlessSinceMs: number | undefined = 0;
  #wasLed = false;
  #apiDownUntilMs = 0;
  /** Directions in which nothing gets through: `from>to`, the API server being `api`. */
  readonly #blocked = new Map<string, number>();
  readonly #candidates = new Map<string, Candidate>();
  /** Until when each app believes that its pod leads. */
  readonly #beliefs = new Map<string, number>();
  readonly rules: Rules;
  readonly electors: boolean;
  readonly random: () => number;
  /** How bad this world is. */
  readonly lossRate: number;
  readonly delayMs: number;
  readonly peerLossRate: number;
  readonly peerDelayMs: number;
  /** Between one fault and the next, on average. */
  readonly calmMs: number;
  readonly #only: readonly string[] | undefined;
  readonly createMissing: boolean;
  readonly #transcript: ((line: string) => void) | undefined;

  constructor(seed: number, { rules = SOUND, electors = false, transcript, calmMs, faults, pods }: Options) {
    this.rules = rules;
    this.electors = electors;
    this.#transcript = transcript;
    this.random = randomOf(seed);
    this.lossRate = this.random() * 0.3;
    // Some worlds are slower than a Lease is long.
    this.delayMs = 5 * 10 ** (this.random() * 3);
    this.peerLossRate = this.random() ** 2 * 0.3;
    this.peerDelayMs = 10 ** (this.random() * 2.5);
    // Some are struck again and again, some are let alone for a while.
    this.calmMs = 300 * 50 ** this.random();
    this.#only = faults;
    if (calmMs !== undefined) {
      this.calmMs = calmMs;
      this.lossRate = 0;
      this.peerLossRate = 0.001;
      this.delayMs = 5;
      this.peerDelayMs = 1;
    }
    this.createMissing = this.random() < 0.5;
    this.#store(this.#lease as Lease);
    const drawn = electors ? 3 + Math.floor(this.random() * 5) : 2 + Math.floor(this.random() * 3);
    if (electors) this.#askApps();
    const count = pods ?? drawn;
    for (let pod = 0; pod < count; pod += 1) this.#boot(`pod-${pod}`);
    this.at(this.random() * (electors ? 2 * this.calmMs : 20_000), () => this.#mischief());
  }

  /** For written scenarios: called when the API server does a write. */
  onWrite: (holder: string, kind: string) => void = () => {};
  /** The API server's answers to these pods take so much longer. */
  readonly slowMs = new Map<string, number>();

  at(atMs: number, run: () => void): void {
    this.#agenda.add(atMs, run);
  }

  run(untilMs: number): void {
    for (;;) {
      const event = this.#agenda.next(untilMs);
      if (!event) return;
      if (this.#valid().length > 0) this.ledMs += event.atMs - this.nowMs;
      this.nowMs = event.atMs;
      event.run();
      this.#check();
    }
  }

  note(who: string, what: () => string): void {
    this.#transcript?.(`${(this.nowMs / 1000).toFixed(3).padStart(9)}  ${who.padEnd(14)} ${what()}`);
  }

  announce(term: number, who: string): void {
    this.note(who, () => `LEADS in term ${term}`);
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
    if (!same && !this.rules.blindWrites) return { kind: 'conflict' };
    if (kind !== 'release') this.onWrite(lease.spec?.holderIdentity ?? '', kind);
    this.note(
      'api',
      () => `${effect.write.kind} by ${lease.spec?.holderIdentity || '-'}, term ${effect.write.term}`,
    );
    return this.#store(lease);
  }

  /** As much is lost on each way; a lost answer is a write that was done. */
  delay(pod: string): number | 'lost' {
    if (this.random() < this.lossRate / 2) return 'lost';
    if (this.nowMs < this.#apiDownUntilMs || this.#isBlocked(pod, 'api')) return 'lost';
    return this.random() ** 3 * this.delayMs * 4;
  }

  answerDelay(pod: string): number | 'lost' {
    const delay = this.delay(pod);
    return delay === 'lost' ? delay : delay + (this.slowMs.get(pod) ?? 0);
  }

  delays(from: string, to: string): number[] {
    if (this.#isBlocked(from, to) || this.random() < this.peerLossRate) return [];
    const delay = () => this.random() ** 3 * this.peerDelayMs * 4;
    return this.random() < 0.03 ? [delay(), delay() + this.random() * 2000] : [delay()];
  }

  inPod = (pod: string): Candidate | undefined => this.#candidates.get(pod);

  #isBlocked = (from: string, to: string) => this.nowMs < (this.#blocked.get(`${from}>${to}`) ?? 0);

  #store(lease: Lease, uid = lease.metadata.uid ?? 'uid-0'): WriteOutcome {
    const resourceVersion = String(this.#revision++);
    this.#lease = { ...lease, metadata: { ...lease.metadata, uid, resourceVersion } };
    return { kind: 'written', lease: this.#lease };
  }

  #boot(pod: string): void {
    this.#boots += 1;
    const node = `node-${Math.floor(this.random() * 3)}`;
    const candidate = new Candidate(this, pod, `boot${this.#boots}`, node);
    this.#candidates.set(pod, candidate);
    this.note(candidate.name, () => 'starts');
    candidate.hear({ kind: 'start' });
    candidate.tellFloor();
    this.#tellPeers();
  }

  #askApps(): void {
    this.at(this.nowMs + 20 + this.random() * 200, () => this.#askApps());
    for (const [pod, candidate] of this.#candidates) {
      if (this.random() < 0.5) continue;
      const untilMs = candidate.tellApp();
      if (untilMs !== undefined) this.#beliefs.set(pod, Math.max(untilMs, this.#beliefs.get(pod) ?? 0));
    }
  }

  /** DNS says where the pods are, not at once. */
  #tellPeers(): void {
    if (!this.electors) return;
    for (const [pod, candidate] of this.#candidates) {
      this.at(this.nowMs + this.random() * 2000, () => {
        const hosts = [...this.#candidates.keys()].filter((one) => one !== pod);
        candidate.hear({ kind: 'peers', hosts });
      });
    }
  }

  /** What happens to pods, network and Lease, again and again. */
  #mischief(): void {
    this.at(this.nowMs + this.random() * (this.electors ? 2 * this.calmMs : 15_000), () => this.#mischief());
    const pods = [...this.#candidates.keys()];
    // Leaders are the interesting ones.
    const leader = pods.find((pod) => this.#candidates.get(pod)?.isValid());
    const pod =
      leader !== undefined && this.random() < 0.5
        ? leader
        : (pods[Math.floor(this.random() * pods.length)] as string);
    const candidate = this.#candidates.get(pod) as Candidate;
    const all: Array<[number, string, () => void]> = [
      [0.3, 'pause', () => candidate.pause(this.random() ** 2 * 3 * TIMEOUT_MS)],
      [0.15, 'crash', () => this.#restart(pod, candidate)],
      [
        0.15,
        'stop',
        () => {
          // The app has ended before.
          this.#beliefs.delete(pod);
          candidate.hear({ kind: 'stop' });
          this.at(this.nowMs + 2000, () => this.#restart(pod, candidate));
        },
      ],
      [0.15, 'wake', () => candidate.hear({ kind: 'wake' })],
      [0.1, 'delete the Lease', () => this.#deleteLease()],
      [0.15, 'floor', () => candidate.hear({ kind: 'floor', term: this.highestTerm })],
      [0.25, 'partition', () => this.#partition(pods, pod)],
      [0.1, 'API server down', () => (this.#apiDownUntilMs = this.nowMs + this.random() * 12_000)],
      [0.1, 'edit the Lease', () => this.#lease && this.#store(this.#lease)],
      [0.1, 'step down', () => candidate.hear({ kind: 'step-down', forMs: this.random() * 10_000 })],
      [0.15, 'pods come and go', () => this.#scale(pods, pod)],
      [0.15, 'set a clock', () => candidate.setClock((this.random() - 0.5) * 2 * 86_400_000)],
      [0.1, 'prefer', () => this.prefer(this.random() < 0.2 ? undefined : pod)],
    ];
    const strikes = all.filter(
      ([, name], i) => this.#only?.includes(name) ?? (this.electors || i < 6 || name === 'set a clock'),
    );
    let dice = this.random() * strikes.reduce((sum, [share]) => sum + share, 0);
    for (const [share, name, strike] of strikes) {
      dice -= share;
      if (dice >= 0) continue;
      this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
      this.note('!', () => `${name} ${pod}`);
      strike();
      return;
    }
  }

  /** Nothing gets through between the two, for so long. */
  cut(a: string, b: string, ms: number): void {
    this.note('!', () => `${a} and ${b} are cut off from each other for ${ms} ms`);
    this.#blocked.set(`${a}>${b}`, this.nowMs + ms);
    this.#blocked.set(`${b}>${a}`, this.nowMs + ms);
  }

  /** Somebody says which pod should lead. */
  prefer(pod: string | undefined): void {
    if (!this.#lease) return;
    const { [LEASE_ANNOTATIONS.preferred]: _, ...rest } = this.#lease.metadata.annotations ?? {};
    const annotations = pod === undefined ? rest : { ...rest, [LEASE_ANNOTATIONS.preferred]: pod };
    this.#store({ ...this.#lease, metadata: { ...this.#lease.metadata, annotations } });
  }

  /** A new process in a pod. */
  boot = (pod: string): void => this.#boot(pod);

  leader = (): Candidate | undefined => this.#valid()[0];

  #restart(pod: string, candidate: Candidate): void {
    candidate.crash();
    this.at(this.nowMs + this.random() ** 3 * 2000, () => {
      if (this.#candidates.get(pod) === candidate) this.#boot(pod);
    });
  }

  /** Cuts one pod off from some others, or the pods into two halves; in both directions or one; the API server with or
   *  without. */
  #partition(pods: readonly string[], pod: string): void {
    const untilMs = this.nowMs + this.random() ** 2 * 15_000;
    const halves = this.random() < 0.5;
    const inside = halves ? pods.filter(() => this.random() < 0.5) : [pod];
    const outside = [...pods, 'api'].filter((one) => !inside.includes(one) && this.random() < 0.9);
    const direction = this.random();
    for (const a of inside) {
      for (const b of outside) {
        if (direction < 0.7) this.#blocked.set(`${a}>${b}`, untilMs);
        if (direction > 0.3) this.#blocked.set(`${b}>${a}`, untilMs);
      }
    }
  }

  #scale(pods: readonly string[], pod: string): void {
    if (pods.length > 3 && this.random() < 0.5) {
      this.#candidates.get(pod)?.crash();
      this.#candidates.delete(pod);
      this.#beliefs.delete(pod);
    } else if (pods.length < 9) this.#boot(`pod-${this.#boots + 100}`);
    this.#tellPeers();
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
    return [...this.#candidates.values()].filter((candidate) => candidate.isValid());
  }

  #check(): void {
    const valid = this.#valid();
    const leading = new Set(valid.map(({ pod }) => pod));
    for (const [pod, untilMs] of this.#beliefs) if (this.nowMs < untilMs) leading.add(pod);
    if (valid.length <= 1 && leading.size > 1)
      this.#violate(`E1: ${[...leading].join(' and ')} lead, as far as their apps know`);
    if (valid.length > 1) this.#violate(`E1: ${valid.map(({ name }) => name).join(' and ')} are both valid`);
    if (valid.length === 0) this.#leaderlessSinceMs ??= this.nowMs;
    else if (this.#leaderlessSinceMs !== undefined) {
      if (this.#wasLed) this.gapsMs.push(this.nowMs - this.#leaderlessSinceMs);
      this.#wasLed = true;
      this.#leaderlessSinceMs = undefined;
    }
  }

  #violate(what: string): void {
    this.note('?', () => what);
    this.violations.push(`at ${Math.round(this.nowMs)} ms: ${what}`);
  }
}
