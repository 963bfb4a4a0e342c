import type { ContainerTarget, Faults } from '../cluster/faults.ts';
import type { PodSeen, Site, Snapshot } from './site.ts';
import { operatorPods } from './site.ts';
import type { Action, Whom } from './steps.ts';

/** What breaks containers everywhere; nodes and the control plane only on a cluster of the project's own. */
export type ContainerFaults = Pick<Faults, 'killContainer' | 'pauseContainer' | 'resumeContainer'>;

/** The pods that are meant, found out when a round begins. */
export type Cast = Readonly<Record<Whom, readonly PodSeen[]>>;

/** Decides whom the words mean. `primaryIp` is where the observers see the primary. */
export function castFor(
  seen: { snapshot: Snapshot; operator: readonly PodSeen[]; primaryIp: string },
  pick: number,
): Cast {
  const { redis, app } = seen.snapshot;
  const drawn = <T>(items: readonly T[]): T[] => items.slice(Math.floor(pick * items.length)).slice(0, 1);
  const primary = redis.filter(({ ip }) => ip === seen.primaryIp);
  return {
    primary,
    replica: drawn(redis.filter(({ ip }) => ip !== seen.primaryIp)),
    'any-redis': drawn(redis),
    'all-redis': redis,
    app: drawn(app),
    operator: seen.operator,
  };
}

export interface BreakerOptions {
  site: Site;
  containers: ContainerFaults;
  /** Absent on somebody's own cluster. */
  provider?: Faults;
}

/** Does what steps say, and remembers what has to be put right when the rest of the steps never come. */
export class Breaker {
  readonly #options: BreakerOptions;
  readonly #open = new Map<string, () => Promise<void>>();
  #firstCpu: string | undefined;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** @throws Error when it cannot be done. */
  async act(action: Action, cast: Cast): Promise<void> {
    switch (action.act) {
      case 'kill':
      case 'hang':
      case 'resume':
        return this.#onContainers(action, cast[action.whom]);
      case 'delete-pods':
        return this.#deletePods(cast[action.whom]);
      case 'stop-node':
      case 'cut-node':
      case 'start-node':
      case 'heal-node':
        for (const node of new Set(cast[action.whom].map((pod) => pod.node)))
          await this.#onNode(action, node);
        return;
      case 'stop-part':
        return this.#breakUntil(
          action.part,
          () => this.#provider.start(action.part),
          () => this.#provider.stop(action.part),
        );
      case 'start-part':
        return this.#mendNow(action.part);
      case 'roll':
        return this.#roll();
    }
  }

  /** Puts everything right that is still broken by us, the last first. */
  async mend(): Promise<void> {
    for (const key of [...this.#open.keys()].reverse()) await this.#mendNow(key).catch(() => undefined);
  }

  /** Whether the spec is another than we found it. */
  get changedSpec(): boolean {
    return this.#firstCpu !== undefined;
  }

  /** Gives the spec the value that we found. */
  async restoreSpec(): Promise<void> {
    const cpu = this.#firstCpu;
    if (cpu === undefined) return;
    await this.#patchCpu(cpu === '' ? null : cpu);
    this.#firstCpu = undefined;
  }

  get #provider(): Faults {
    const { provider } = this.#options;
    if (!provider) throw new Error('Nodes and the control plane are broken only on a cluster of our own.');
    return provider;
  }

  async #breakUntil(key: string, mend: () => Promise<void>, begin: () => Promise<void>): Promise<void> {
    // Before it begins: one that fails half-way is put right too.
    this.#open.set(key, mend);
    await begin();
  }

  async #mendNow(key: string): Promise<void> {
    const mend = this.#open.get(key);
    this.#open.delete(key);
    await mend?.();
  }

  async #onContainers(
    action: Extract<Action, { container: unknown }>,
    pods: readonly PodSeen[],
  ): Promise<void> {
    const { containers } = this.#options;
    await Promise.all(
      pods.map((pod) => {
        const target: ContainerTarget = {
          namespace: pod.namespace,
          pod: pod.name,
          container: action.container,
        };
        const key = `${pod.name}/${action.container}`;
        if (action.act === 'kill') return containers.killContainer(target);
        if (action.act === 'resume') return this.#mendNow(key);
        // One that was killed meanwhile, or moved away, needs nobody to resume it.
        const resume = () => containers.resumeContainer(target).catch(() => undefined);
        return this.#breakUntil(key, resume, () => containers.pauseContainer(target));
      }),
    );
  }

  async #deletePods(pods: readonly PodSeen[]): Promise<void> {
    const [first] = pods;
    if (!first) throw new Error('There is no such pod to delete.');
    const names = pods.map(({ name }) => name);
    await this.#options.site.kubectl(['-n', first.namespace, 'delete', 'pods', ...names, '--wait=false']);
  }

  async #onNode(action: Extract<Action, { act: `${string}-node` }>, node: string): Promise<void> {
    const key = `node ${node}`;
    if (action.act === 'stop-node')
      return this.#breakUntil(
        key,
        () => this.#provider.startNode(node),
        () => this.#provider.stopNode(node),
      );
    if (action.act === 'cut-node')
      return this.#breakUntil(
        key,
        () => this.#provider.healNode(node),
        () => this.#provider.cutNode(node, action.direction),
      );
    return this.#mendNow(key);
  }

  async #roll(): Promise<void> {
    const { kubectl, namespace, cluster } = this.#options.site;
    const get = ['-n', namespace, 'get', 'hyperpagecluster', cluster];
    const { spec } = await kubectl.json<{ spec: { redis: { resources?: { requests?: { cpu?: string } } } } }>(
      get,
    );
    const now = spec.redis.resources?.requests?.cpu ?? '';
    this.#firstCpu ??= now;
    await this.#patchCpu(otherCpu(now));
  }

  async #patchCpu(cpu: string | null): Promise<void> {
    const { kubectl, namespace, cluster } = this.#options.site;
    const patch = JSON.stringify({ spec: { redis: { resources: { requests: { cpu } } } } });
    await kubectl(['-n', namespace, 'patch', 'hyperpagecluster', cluster, '--type=merge', '-p', patch]);
  }
}

/** A thousandth of a CPU more, or less again: another pod template, and no other need. */
export function otherCpu(now: string): string {
  const found = /^(\d+)m$/.exec(now);
  const milli = found ? Number(found[1]) : Math.round(Number(now || 0.05) * 1000);
  return `${milli % 2 === 0 ? milli + 1 : milli - 1}m`;
}

/** Finds out who plays which part now. */
export async function cast(
  site: Site,
  snapshot: Snapshot,
  primaryAddress: string,
  pick: number,
): Promise<Cast> {
  const operator = await operatorPods(site);
  const primaryIp = primaryAddress.slice(0, primaryAddress.lastIndexOf(':'));
  return castFor({ snapshot, operator, primaryIp }, pick);
}
