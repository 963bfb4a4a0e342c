import { randomBytes } from 'node:crypto';
import type { SidecarSettings } from '@hyperpage/contract';
import type { Clock, LeasePort, Logger, Registry, ShutdownStep } from '@hyperpage/runtime';
import { identityOf } from '@hyperpage/runtime';
import type { Adapters } from './adapters.ts';
import { type ApiPorts, createApiServer, createPodServer } from './api/index.ts';
import { createLeaderElection, disabledElection, type LeaderElection } from './election/index.ts';
import { lacking } from './readiness.ts';

export interface SidecarOptions {
  settings: SidecarSettings;
  /** One life of this process. */
  bootId: string;
  adapters: Adapters;
  /** Absent: nobody is elected. */
  leases: LeasePort | undefined;
  clock: Clock;
  random: () => number;
  log: Logger;
  registry: Registry;
}

export interface Sidecar {
  readonly election: LeaderElection;
  /** Starts everything and listens. `podPort` undefined: no listener on the pod's address (embedded). */
  start(ports: { port: number; podPort?: number }): Promise<{ port: number }>;
  /** What stopping takes, in the one right order. */
  readonly shutdown: readonly ShutdownStep[];
}

const DRAIN_MS = 2_000;

/** One sidecar over its adapters: what `main.ts` runs in a pod, and embedded mode several times in one process. */
export function createSidecar(options: SidecarOptions): Sidecar {
  const { settings, adapters, clock, log } = options;
  const startMs = clock.monotonicMs();
  const election = options.leases ? electionOf(options, options.leases) : disabledElection();
  const ports: ApiPorts = {
    ...options,
    ...adapters,
    election,
    newSessionId: () => randomBytes(18).toString('base64url'),
    missing: () =>
      lacking({
        electionReady: election.ready(),
        redisReached: adapters.everConnected(),
        fallbackToMemory: settings.sessionFallbackToMemory,
        sinceStartMs: clock.monotonicMs() - startMs,
      }),
  };
  const api = createApiServer(ports);
  const podServer = createPodServer({ ...ports, peerHandler: adapters.peerHandler });

  return {
    election,
    async start({ port: wanted, podPort }) {
      // Health first, so that kubelet sees a process that starts; then what others may rely on.
      if (podPort !== undefined) await podServer.listen(podPort, settings.podIp);
      const port = await api.listen(wanted, '127.0.0.1');
      adapters.membership.start();
      election.start();
      log.info({ port, podPort }, 'sidecar listening');
      return { port };
    },
    shutdown: [
      // Leadership ends before anything that its duties need, and the next leader need not wait.
      { name: 'release the Lease and tell the others', run: () => election.stop() },
      { name: 'say goodbye to the members', run: () => adapters.membership.goodbye() },
      { name: 'drain the API', run: () => api.close(DRAIN_MS) },
      { name: 'close the adapters', run: () => adapters.close() },
      { name: 'close health and metrics', run: () => podServer.close(0) },
    ],
  };
}

const electionOf = (
  { settings, bootId, adapters, ...rest }: SidecarOptions,
  leases: LeasePort,
): LeaderElection =>
  createLeaderElection({
    ...rest,
    leases,
    podId: settings.podName,
    identity: identityOf(settings.podName, bootId),
    lease: { name: settings.leaseName, namespace: settings.namespace },
    timeoutMs: settings.electionTimeoutMs,
    heartbeatMs: settings.heartbeatIntervalMs,
    peers: adapters.electionPeers,
    bus: adapters.bus,
    termFloor: adapters.termFloor,
  });
