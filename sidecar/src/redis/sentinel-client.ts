import { backoffMs, type Clock } from '@hyperpage/runtime';
import { AbstractConnector, Redis } from 'ioredis';
import type { Access } from './access.ts';
import { type Authentication, keepAuthenticated } from './authentication.ts';
import { lookupOfNet, type NameLookup } from './name-lookup.ts';
import type { Address } from './sentinels.ts';
import { openStream } from './tls.ts';

export interface SentinelClientOptions {
  access: Access;
  clock: Clock;
  random: () => number;
  lookup: NameLookup;
}

/** A client of one sentinel that is always coming back, not yet connecting. */
export function sentinelClient(
  { host, port }: Address,
  { access, clock, random, lookup }: SentinelClientOptions,
): { client: Redis; authentication: Authentication } {
  class ByRememberedName extends AbstractConnector {
    constructor() {
      super(250);
    }
    override async connect() {
      this.connecting = true;
      // Not looked up before: rejecting here the client would give up for good, while a stream that fails it tries again.
      this.stream = openStream({ host, port, lookup: lookupOfNet(lookup) }, access.tls);
      // Not once: over TLS an error may have a second one behind it, which nobody would hear.
      this.stream.on('error', (error) => (this.firstError ??= error));
      return this.stream;
    }
  }
  const client = new Redis({
    Connector: ByRememberedName,
    host,
    port,
    lazyConnect: true,
    disableClientInfo: true,
    enableReadyCheck: false,
    autoResubscribe: false,
    connectTimeout: 2000,
    commandTimeout: 2000,
    keepAlive: 5000,
    retryStrategy: (times) => backoffMs(times - 1, { baseMs: 100, maxMs: 5000 }, random),
  });
  // A sentinel may be away: the others speak, and this one is tried again.
  client.on('error', () => {});
  const authentication = keepAuthenticated(client, 'hyperpage-failovers', { access, clock, random });
  return { client, authentication };
}
