import { setTimeout as sleep } from 'node:timers/promises';
import { type Forward, openForward } from '../forward.ts';
import { look, type Site } from '../site.ts';

const APP_PORT = 3000;
const LOOK_EVERY_MS = 1_000;
const MOST_DOORS = 10;

/** Ways to the app in each of its pods that is ready, as a load balancer would have them. */
export class Doors {
  readonly #site: Site;
  readonly #open = new Map<string, Forward>();
  readonly #opening = new Set<string>();
  #running = true;

  constructor(site: Site) {
    this.#site = site;
  }

  /** Runs until `close`. */
  async run(): Promise<void> {
    while (this.#running) {
      await this.#refresh().catch(() => {});
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** URLs of the app, one for each pod. */
  urls(): string[] {
    return [...this.#open.values()].map(({ port }) => `http://127.0.0.1:${port}`);
  }

  close(): void {
    this.#running = false;
    for (const forward of this.#open.values()) forward.close();
    this.#open.clear();
  }

  async #refresh(): Promise<void> {
    const { app } = await look(this.#site);
    const ready = app.filter((pod) => pod.ready).map(({ name }) => name);
    for (const [pod, forward] of this.#open) if (!ready.includes(pod)) forward.close();
    for (const pod of ready.slice(0, MOST_DOORS)) if (!this.#open.has(pod)) void this.#openDoor(pod);
  }

  async #openDoor(pod: string): Promise<void> {
    if (this.#opening.has(pod)) return;
    this.#opening.add(pod);
    const { kubectl, namespace } = this.#site;
    try {
      const forward = await openForward({ kubectl, namespace, pod }, APP_PORT);
      if (!this.#running) return forward.close();
      this.#open.set(pod, forward);
      forward.onClose(() => {
        if (this.#open.get(pod) === forward) this.#open.delete(pod);
      });
    } catch {
      // Tried again with the next look.
    } finally {
      this.#opening.delete(pod);
    }
  }
}
