import { once } from 'node:events';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PodCoordinator } from '@hyperpage/client';
import { createApp } from './app.ts';

const GRACE_MS = 10_000;
/** For this long after SIGTERM new connections are still taken: Services learn a little later that we are going. */
const LINGER_MS = 1000;

const log = (level: 'info' | 'warn', message: string, keys: object = {}) =>
  process.stdout.write(
    `${JSON.stringify({ level, time: new Date().toISOString(), ...keys, msg: message })}\n`,
  );

const port = Number(process.env['PORT'] ?? 3000);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  process.stderr.write(
    `PORT is ${JSON.stringify(process.env['PORT'])}; it wants a port number, such as 3000\n`,
  );
  process.exit(1);
}

const coordinator = new PodCoordinator({
  onError: (error) => log('warn', 'coordination failed; it goes on by itself', { err: String(error) }),
});

const app = createApp({
  pod: process.env['HYPERPAGE_POD_NAME'] ?? hostname(),
  publicDir: process.env['HYPERPAGE_PUBLIC_DIR'] ?? fileURLToPath(new URL('./public', import.meta.url)),
  coordinator,
  onError: (error) => log('warn', 'a request failed', { err: error instanceof Error ? error.stack : error }),
});

const server = app.listen(port, '0.0.0.0', (error?: Error) => {
  if (error) {
    process.stderr.write(`cannot listen on port ${port}: ${error.message}; set PORT to a free one\n`);
    process.exit(1);
  }
  log('info', 'listening', { port });
});
// Longer than the proxies in front of us keep theirs, or they send into a connection that we are closing.
server.keepAliveTimeout = 75_000;

/** Stops taking requests, lets those under way finish and ends the streams of open pages, which then find another pod. */
async function stop(signal: string): Promise<void> {
  log('info', 'stopping', { signal });
  setTimeout(() => process.exit(1), GRACE_MS).unref();
  if (signal === 'SIGTERM') await sleep(LINGER_MS);
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), 500).unref();
  await closed;
  coordinator.close();
  log('info', 'stopped');
  process.exit(0);
}

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => {
    if (!stopping) void stop(signal);
    stopping = true;
  });
