import type { SidecarSettings } from '@hyperpage/contract';
import {
  createKubeHttp,
  createKubeLeases,
  createLogger,
  createRegistry,
  inClusterEndpoint,
  type KubeHttp,
  type LeasePort,
  SettingsError,
  shutdownOnSignal,
  systemClock,
} from '@hyperpage/runtime';
import { redisAdapters } from './adapters.ts';
import { newBootId } from './boot-id.ts';
import { sidecarSettings } from './settings.ts';
import { createSidecar } from './sidecar.ts';

/** Shutdown ends before kubelet's patience does (45 s by default, of which the app has its part first): releasing the
 *  Lease, the goodbye and the drain take a few seconds, writing journaled sessions back up to 15. */
const GRACE_MS = 25_000;
/** By then it is connected, and what that took is garbage. */
const STARTED_MS = 5_000;
/** A leader needs room for a second try before its validity ends. */
const LEASE_REQUEST_MAX_MS = 5_000;

async function main(): Promise<void> {
  const settings = sidecarSettings(process.env);
  const log = createLogger({ level: settings.logLevel });
  const bootId = newBootId();
  const context = {
    podId: settings.podName,
    bootId,
    settings,
    clock: systemClock,
    random: Math.random,
    log,
    registry: createRegistry({ processMetrics: true }),
  };
  const adapters = redisAdapters(context);
  const http = settings.electionEnabled
    ? createKubeHttp(await inClusterEndpoint(process.env), { maxSockets: 2 })
    : undefined;
  const sidecar = createSidecar({ ...context, adapters, leases: http && leasesOf(http, settings) });
  shutdownOnSignal([...sidecar.shutdown, { name: 'close Kubernetes', run: () => http?.close() }], {
    graceMs: GRACE_MS,
    log,
  });
  await sidecar.start({ port: settings.port, podPort: settings.podPort });
  // Where the image lets it (--expose-gc): without load nothing else would give back what starting took, 8 MiB, for long.
  systemClock.after(STARTED_MS, () => {
    globalThis.gc?.({ type: 'major', flavor: 'last-resort' });
  });
}

const leasesOf = (http: KubeHttp, settings: SidecarSettings): LeasePort =>
  createKubeLeases({
    http,
    namespace: settings.namespace,
    name: settings.leaseName,
    requestTimeoutMs: Math.min(settings.heartbeatIntervalMs, LEASE_REQUEST_MAX_MS),
  });

try {
  await main();
} catch (error) {
  // Nothing runs yet that could log: kubelet keeps the last lines on standard error as the reason.
  const lines = error instanceof SettingsError ? error.problems : [(error as Error).message];
  process.stderr.write(lines.map((line) => `${line}\n`).join(''));
  process.exit(1);
}
