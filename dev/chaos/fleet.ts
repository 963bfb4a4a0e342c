import { setTimeout as sleep } from 'node:timers/promises';
import type { Kubectl } from '../kubectl.ts';
import type { Batch, PrimarySeen } from './agent/messages.ts';
import { History, type Lost } from './history.ts';
import { type Interval, overlaps } from './intervals.ts';
import { AgentLink, keyOf } from './link.ts';

export interface FleetOptions {
  kubectl: Kubectl;
  namespace: string;
  /** The app pods that can have an agent now, by name. */
  pods: () => Promise<string[]>;
  /** Tells this run's keys from other runs'. */
  run: string;
  /** Replicas that must confirm; absent: as many as the sidecars ask for. */
  replicas?: number;
  paceMs?: number;
}

const LOOK_EVERY_MS = 2_000;
const DEFAULT_PACE_MS = 10;
const CATCH_UP_MS = 30_000;
const REST_MS = 1_000;

/** Writers and observers in the app pods, and what they were promised and saw: one agent in each pod. */
export class Fleet {
  readonly history = new History();
  /** Operations that were not acknowledged, by what was said. */
  readonly failures = new Map<string, number>();
  readonly #options: FleetOptions;
  readonly #links = new Map<string, AgentLink>();
  readonly #writable = new Map<string, Interval[]>();
  #latest: Array<PrimarySeen & { pod: string }> = [];
  #running = true;
  #looking: Promise<void> | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  start(): void {
    this.#looking ??= this.#look();
  }

  /** Ends the agents; `clear` removes what they wrote. */
  async stop(options: { clear: boolean }): Promise<void> {
    this.#running = false;
    // First the writers end: a late write would make a key anew.
    for (const link of this.#links.values()) link.rest();
    await sleep(REST_MS);
    const keys = this.history.writers().map((writer) => keyOf(this.#options.run, writer));
    if (options.clear && keys.length > 0) await this.#throughAny((link) => link.remove(keys)).catch(() => {});
    await Promise.all([...this.#links.values()].map((link) => link.end()));
    await this.#looking;
  }

  /** Pods whose agents answer. */
  connected(): string[] {
    return [...this.#links.values()].filter(({ connected }) => connected).map(({ pod }) => pod);
  }

  /** What the agents saw of primaries since `sinceMs`. */
  primariesSince(sinceMs: number): PrimarySeen[] {
    return this.#latest.filter(({ toMs }) => toMs >= sinceMs);
  }

  /** When two Redis would have taken a write, as all observers together saw it. */
  twoWritable(): Interval[] {
    return overlaps(this.#writable);
  }

  /** Waits until every agent that can be reached has told what it knew at `atMs`.
   *  @throws Error naming a pod that cannot be reached for half a minute. */
  async caughtUp(atMs: number): Promise<void> {
    const giveUpMs = performance.now() + CATCH_UP_MS;
    for (;;) {
      const late = [...this.#links.values()].filter(({ heardUntilMs }) => heardUntilMs < atMs);
      if (late.length === 0 && this.#links.size > 0) return;
      if (performance.now() > giveUpMs) {
        const [first] = late;
        throw new Error(`no word from the agent in ${first?.pod ?? 'any pod'}: ${first?.trouble ?? ''}`);
      }
      await sleep(200);
    }
  }

  /** Reads back everything and gives what was acknowledged and is not there, as far as no check found it before. */
  async check(): Promise<Lost[]> {
    const found: Lost[] = [];
    for (const writer of this.history.writers()) {
      // First the promises, then the bits: what is promised in between does not count.
      const mark = this.history.mark(writer);
      const bits = await this.#throughAny((link) => link.read(keyOf(this.#options.run, writer)));
      found.push(...this.history.check(writer, bits, mark));
    }
    return found;
  }

  async #throughAny<T>(ask: (link: AgentLink) => Promise<T>): Promise<T> {
    let last = new Error('no agent can be reached');
    for (const link of this.#links.values()) {
      if (!link.connected) continue;
      try {
        return await ask(link);
      } catch (error) {
        last = error as Error;
      }
    }
    throw last;
  }

  async #look(): Promise<void> {
    while (this.#running) {
      const pods = await this.#options.pods().catch(() => undefined);
      if (pods && this.#running) this.#follow(pods);
      await sleep(LOOK_EVERY_MS);
    }
  }

  #follow(pods: readonly string[]): void {
    for (const [pod, link] of this.#links) {
      if (pods.includes(pod)) continue;
      this.#links.delete(pod);
      void link.end();
    }
    for (const pod of pods) {
      if (this.#links.has(pod)) continue;
      const { kubectl, namespace, run, replicas, paceMs = DEFAULT_PACE_MS } = this.#options;
      const link = new AgentLink({
        kubectl,
        namespace,
        pod,
        run,
        paceMs,
        ...(replicas === undefined ? {} : { replicas }),
        onBatch: (writer, batch, offsetMs) => this.#take(pod, writer, batch, offsetMs),
      });
      this.#links.set(pod, link);
      void link.run();
    }
  }

  #take(pod: string, writer: string, batch: Batch, offsetMs: number): void {
    const onOurClock = <T extends Interval>(one: T): T => ({
      ...one,
      fromMs: one.fromMs + offsetMs,
      toMs: one.toMs + offsetMs,
    });
    this.history.add(writer, batch.acked.map(onOurClock));
    for (const [why, count] of Object.entries(batch.failed))
      this.failures.set(why, (this.failures.get(why) ?? 0) + count);
    const primaries = batch.primaries.map(onOurClock);
    for (const { writable, runId, fromMs, toMs } of primaries) {
      if (!writable) continue;
      const before = this.#writable.get(runId) ?? [];
      const last = before.at(-1);
      if (last && last.fromMs <= fromMs && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
      else this.#writable.set(runId, [...before, { fromMs, toMs }]);
    }
    this.#latest = [
      ...this.#latest.filter((one) => one.pod !== pod),
      ...primaries.map((one) => ({ ...one, pod })),
    ];
  }
}
