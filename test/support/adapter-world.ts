import { SIDECAR_SETTINGS } from '@hyperpage/contract';
import {
  type Clock,
  createRegistry,
  type Registry,
  readSettings,
  silentLogger,
  systemClock,
} from '@hyperpage/runtime';
import { type AdapterContext, type Adapters, memoryAdapters } from '../../sidecar/src/adapters.ts';
import { createMemoryRegistry } from '../../sidecar/src/membership/index.ts';
import type { MemberRegistry } from '../../sidecar/src/membership/registry.ts';
import { MemoryWorld } from '../../sidecar/src/memory-world.ts';
import { eventually } from './eventually.ts';

export interface OpenPod extends Adapters {
  registry: Registry;
}

/** Several sidecars' adapters over one store, in memory or real: what the acceptance suites run on. */
export interface AdapterWorld {
  readonly clock: Clock;
  /** Opens the adapters of one more pod, and resolves once it follows its channels. `env`: more settings. */
  open(podId: string, env?: Record<string, string>): Promise<OpenPod>;
  /** A registry of members alone, over the same store. */
  memberRegistry(): MemberRegistry;
  /** The store is gone. */
  cut(): Promise<void>;
  /** It is back, with what it had. */
  heal(): Promise<void>;
  /** It loses everything that it has. */
  forget(): Promise<void>;
  /** Time passes. */
  advance(ms: number): Promise<void>;
  /** Closes what was opened since the last time, so that a test leaves nothing to the next. */
  closePods(): Promise<void>;
  stop(): Promise<void>;
}

let boots = 0;

/** What the adapters of `podId` need, under settings of a test. */
export function contextOf(
  podId: string,
  env: Record<string, string>,
  clock: Clock = systemClock,
): AdapterContext {
  boots += 1;
  return {
    podId,
    bootId: `boot${boots}-${process.pid}`,
    settings: readSettings(SIDECAR_SETTINGS, {
      HYPERPAGE_POD_NAME: podId,
      COORD_HIGH_PRIORITY_THRESHOLD: '100000',
      COORD_NORMAL_PRIORITY_THRESHOLD: '100000',
      SESSION_FALLBACK_TO_MEMORY: 'false',
      ...env,
    }),
    clock,
    random: Math.random,
    log: silentLogger,
    registry: createRegistry({ processMetrics: false }),
  };
}

/** Opens pods with `adaptersOf` and remembers them. */
export function podsOf(
  adaptersOf: (context: AdapterContext) => Adapters,
  clock: Clock,
  more: Record<string, string>,
) {
  const pods: OpenPod[] = [];
  return {
    async open(podId: string, env: Record<string, string> = {}): Promise<OpenPod> {
      const context = contextOf(podId, { ...more, ...env }, clock);
      const pod = { ...adaptersOf(context), registry: context.registry };
      pods.push(pod);
      await eventually('the pod follows its channels', () => pod.bus.ready() && pod.everConnected());
      return pod;
    },
    async closeAll() {
      for (const pod of pods.splice(0)) await pod.close();
    },
  };
}

export async function startMemoryWorld(
  clock: Clock & { advance?(ms: number): Promise<void> } = systemClock,
): Promise<AdapterWorld> {
  const world = new MemoryWorld();
  const pods = podsOf((context) => memoryAdapters(world, context), clock, {});
  return {
    clock,
    open: (podId, env) => pods.open(podId, env),
    memberRegistry: () => createMemoryRegistry(world, { clock }),
    async cut() {
      world.reachable = false;
    },
    async heal() {
      world.reachable = true;
    },
    async forget() {
      world.forget();
    },
    async advance(ms) {
      await clock.advance?.(ms);
    },
    async closePods() {
      world.reachable = true;
      await pods.closeAll();
      world.forget();
    },
    async stop() {},
  };
}
