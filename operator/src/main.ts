import { randomBytes } from 'node:crypto';
import {
  close,
  createElection,
  createKubeHttp,
  createKubeLeases,
  createLogger,
  createRegistry,
  type Election,
  identityOf,
  type KubeHttp,
  type Logger,
  listen,
  readSettings,
  SettingsError,
  shutdownOnSignal,
  systemClock,
} from '@hyperpage/runtime';
import { createHealthServer } from './health.ts';
import { findEndpoint } from './kube/index.ts';
import { createOperator, type Operator } from './operator.ts';
import { createRedisProbe, sendRedisOrders } from './redis/index.ts';
import { helpText, OPERATOR_SETTINGS, type OperatorSettings } from './settings.ts';

/** Name of the operators' own Lease (manifests/install.yaml). */
const LEASE_NAME = 'hyperpage-operator';
/** A visit that takes longer hangs: kubelet starts this process again. */
const LONGEST_VISIT_MS = 300_000;
const STOP_GRACE_MS = 10_000;

async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  if (argv.includes('--help')) return void process.stdout.write(helpText());
  const settings = readSettings(OPERATOR_SETTINGS, env);
  const log = createLogger({ level: settings.logLevel, bindings: { operator: settings.podName } });
  const http = createKubeHttp(await findEndpoint(env));
  const registry = createRegistry({ processMetrics: true });
  const operator = createOperator({
    http,
    probe: createRedisProbe(),
    orders: sendRedisOrders,
    clock: systemClock,
    random: Math.random,
    log,
    registry,
    instance: settings.podName,
    operatorNamespace: settings.namespace,
    watchNamespace: settings.watchNamespace,
    workers: settings.workers,
    redisIntervalMs: settings.redisIntervalMs,
  });
  const server = createHealthServer({
    registry,
    notReady: () => (operator.hasSynced() ? undefined : 'the caches are not filled yet'),
    notAlive: () => (operator.longestVisitMs() > LONGEST_VISIT_MS ? 'a visit hangs' : undefined),
  });
  const port = await listen(server, settings.port, settings.address);
  log.info({ port }, 'operator started');
  operator.watch();
  const election = settings.electionEnabled ? electionOf(settings, http, log) : undefined;
  shutdownOnSignal(
    [
      { name: 'stop working', run: () => operator.stop({ graceMs: STOP_GRACE_MS }) },
      // Only now: whoever leads next must not meet a write of ours.
      { name: 'release the lease', run: () => election?.stop() },
      { name: 'stop listening', run: () => close(server, 1000) },
      { name: 'disconnect', run: () => http.close() },
    ],
    { graceMs: 2 * STOP_GRACE_MS + 5000, log },
  );
  await operator.synced();
  log.info('caches filled');
  if (election) leadWhenElected(election, operator, log);
  else operator.lead();
}

const electionOf = (settings: OperatorSettings, http: KubeHttp, log: Logger): Election => {
  const lease = { name: LEASE_NAME, namespace: settings.namespace };
  const timeoutMs = settings.leaseTimeoutMs;
  const heartbeatMs = Math.floor(timeoutMs / 3);
  return createElection({
    identity: identityOf(settings.podName, randomBytes(6).toString('hex')),
    lease,
    timeoutMs,
    heartbeatMs,
    createMissing: true,
    leases: createKubeLeases({ http, ...lease, requestTimeoutMs: Math.floor(heartbeatMs / 2) }),
    clock: systemClock,
    random: Math.random,
    log,
  });
};

/** Works from the moment this operator leads. Once it does not any more it must not write again: the process ends and
 *  kubelet starts it anew as a candidate. */
function leadWhenElected(election: Election, operator: Operator, log: Logger): void {
  election.on((notice) => {
    if (notice.kind === 'acquired') operator.lead();
    if (notice.kind === 'lost' && notice.reason !== 'stopped') {
      log.error({ reason: notice.reason }, 'another operator may lead now; exiting');
      process.exit(1);
    }
  });
  election.start();
}

main(process.argv.slice(2), process.env).catch((error: unknown) => {
  const text =
    error instanceof SettingsError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`operator: ${text}\n`);
  process.exit(1);
});
