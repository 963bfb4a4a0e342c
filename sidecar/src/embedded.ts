import {
  type Clock,
  createMemoryLeases,
  createRegistry,
  type LeasePort,
  type Logger,
  silentLogger,
  systemClock,
} from '@hyperpage/runtime';
import { memoryAdapters } from './adapters.ts';
import { newBootId } from './boot-id.ts';
import { MemoryWorld } from './memory-world.ts';
import { sidecarSettings } from './settings.ts';
import { createSidecar, type Sidecar } from './sidecar.ts';

export interface EmbeddedOptions {
  /** How many sidecars. */
  count: number;
  /** The first listens here, the next on the port after it …; 0 lets the system choose each. */
  basePort: number;
  log?: Logger;
  /** More settings, as environment variables: see SIDECAR_SETTINGS. */
  env?: Readonly<Record<string, string>>;
  /** What the sidecars share in Redis's place; a new one by default. */
  world?: MemoryWorld;
  /** The system's by default. */
  clock?: Clock;
}

export interface EmbeddedSidecar {
  podId: string;
  /** What the app of this pod finds in HYPERPAGE_URL. */
  url: string;
  /** Stops this one as a pod stops: with release and goodbye. */
  stop: () => Promise<void>;
}

export interface Embedded {
  sidecars: EmbeddedSidecar[];
  /** Stops all of them. */
  stop: () => Promise<void>;
}

/** The sidecar without a cluster and without Redis: several in this process, on memory adapters. For an app developer's
 *  laptop, and for tests. Nothing is kept when the process ends. */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const world = options.world ?? new MemoryWorld();
  const leases = createMemoryLeases();
  const sidecars: EmbeddedSidecar[] = [];
  for (let index = 0; index < options.count; index += 1) {
    sidecars.push(await startOne(options, world, leases, index));
  }
  return {
    sidecars,
    stop: async () => {
      for (const sidecar of sidecars) await sidecar.stop();
    },
  };
}

async function startOne(
  { basePort, env, log = silentLogger, clock = systemClock }: EmbeddedOptions,
  world: MemoryWorld,
  leases: LeasePort,
  index: number,
): Promise<EmbeddedSidecar> {
  const podId = `embedded-${index}`;
  const settings = sidecarSettings({
    HYPERPAGE_SECURE_COOKIE: 'false',
    LEADER_ELECTION_TIMEOUT: '3000',
    LEADER_HEARTBEAT_INTERVAL: '1000',
    ...env,
    HYPERPAGE_POD_NAME: podId,
  });
  const context = {
    podId,
    bootId: newBootId(),
    settings,
    clock,
    random: Math.random,
    log: log.child({ sidecar: podId }),
    registry: createRegistry({ processMetrics: false }),
  };
  const sidecar = createSidecar({
    ...context,
    adapters: memoryAdapters(world, context),
    leases: settings.electionEnabled ? leases : undefined,
  });
  const { port } = await sidecar.start({ port: basePort === 0 ? 0 : basePort + index });
  return { podId, url: `http://127.0.0.1:${port}`, stop: once(() => stop(sidecar)) };
}

async function stop(sidecar: Sidecar): Promise<void> {
  for (const step of sidecar.shutdown) await step.run();
}

const once = (fn: () => Promise<void>) => {
  let running: Promise<void> | undefined;
  return () => {
    running ??= fn();
    return running;
  };
};
