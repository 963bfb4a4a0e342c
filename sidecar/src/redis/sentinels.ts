import { createConnection } from 'node:net';
import { backoffMs, type Clock } from '@hyperpage/runtime';
import { AbstractConnector, Redis } from 'ioredis';
import { lookupOfNet, type NameLookup } from './name-lookup.ts';
import { type RedisTarget, readPassword } from './options.ts';

const CHANNEL = '+switch-master';
/** What sentinels announced is news for this long; then they are asked. */
const NEWS_MS = 60_000;

export interface Address {
  host: string;
  port: number;
}

export const isSame = (a: Address | undefined, b: Address | undefined): boolean =>
  a?.host === b?.host && a?.port === b?.port;

/** What this process knows of the sentinels, and heard from them. */
export interface Sentinels {
  /** The primary that a sentinel announced lately: it was elected, so there is nobody to ask. */
  announced(): Address | undefined;
  /** Where to ask, the best first, without names to resolve: sentinels that are connected, the rest of those that were
   *  named, then those that they tell of. Rejects when there is none. */
  addresses(): Promise<Address[]>;
  close(): void;
}

interface Watched {
  client: Redis;
  named: Address;
}

/** Listens to every sentinel, and calls `onSwitch` with the new primary's address when one of them says that the primary
 *  is another now: a primary that hangs or is cut off keeps its connections, and would be waited for. One connection to
 *  each sentinel for all of this process; ioredis's own detector makes as many for each of its clients, and writes to
 *  the console. */
export function watchSentinels(
  target: RedisTarget & { kind: 'sentinels' },
  { clock, random, lookup }: { clock: Clock; random: () => number; lookup: NameLookup },
  onSwitch: (primary: Address) => void,
): Sentinels {
  let news: { primary: Address; atMs: number } | undefined;
  let peers: Address[] = [];
  const heard = (text: string) => {
    // name, address and port of the old one, address and port of the new one
    const [name, , , host = '', port = ''] = text.split(' ');
    if (name !== target.masterName) return;
    const primary = { host, port: Number(port) };
    news = { primary, atMs: clock.monotonicMs() };
    onSwitch(primary);
  };
  const watched = target.sentinels.map((named): Watched => {
    const client = sentinelClient(target, named, random, lookup);
    client.on('ready', () => void welcome(client).catch(() => client.disconnect(true)));
    client.on('message', (_channel, text) => heard(text));
    client.connect().catch(() => {});
    return { client, named };
  });
  const welcome = async (client: Redis) => {
    // First: a subscriber can ask nothing more. Peers are a last resort, so that not knowing them breaks nothing.
    const told = await client.call('SENTINEL', 'SENTINELS', target.masterName).catch(() => []);
    peers = peersOf(told);
    await client.subscribe(CHANNEL);
  };

  return {
    announced: () => (news && clock.monotonicMs() - news.atMs < NEWS_MS ? news.primary : undefined),
    async addresses() {
      const asked = [...watched].sort((a, b) => rank(a) - rank(b));
      const found = await Promise.allSettled(
        asked.map(async ({ named }) => ({ host: await lookup(named.host), port: named.port })),
      );
      const named = found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const others = peers.filter((peer) => !named.some((one) => isSame(one, peer)));
      if (named.length + others.length > 0) return [...named, ...others];
      const failed = found.find((one) => one.status === 'rejected');
      throw new Error('no sentinel has an address', { cause: failed?.reason });
    },
    close() {
      for (const { client } of watched) client.disconnect();
    },
  };
}

const rank = ({ client }: Watched) => (client.status === 'ready' ? 0 : 1);

/** Sentinels that the answer to `SENTINEL SENTINELS` calls alive. They may be addresses of pods long gone. */
function peersOf(told: unknown): Address[] {
  if (!Array.isArray(told)) return [];
  return told.flatMap((one: unknown) => {
    const { ip, port, flags } = fieldsOf(one);
    if (typeof ip !== 'string' || ip === '' || !Number(port)) return [];
    return /down|disconnected/.test(String(flags)) ? [] : [{ host: ip, port: Number(port) }];
  });
}

/** A reply of names and values, as RESP2 or RESP3 gives it. */
function fieldsOf(reply: unknown): Record<string, unknown> {
  if (reply instanceof Map) return Object.fromEntries(reply) as Record<string, unknown>;
  if (!Array.isArray(reply)) return typeof reply === 'object' && reply !== null ? { ...reply } : {};
  const pairs = reply.flatMap((name, index) => (index % 2 === 0 ? [[name, reply[index + 1]]] : []));
  return Object.fromEntries(pairs) as Record<string, unknown>;
}

function sentinelClient(
  target: RedisTarget,
  { host, port }: Address,
  random: () => number,
  lookup: NameLookup,
): Redis {
  class ByRememberedName extends AbstractConnector {
    constructor() {
      super(250);
    }
    override async connect() {
      this.connecting = true;
      // Not looked up before: rejecting here the client would give up for good, while a stream that fails it tries again.
      this.stream = createConnection({ host, port, lookup: lookupOfNet(lookup) });
      this.stream.once('error', (error) => (this.firstError = error));
      return this.stream;
    }
  }
  const client = new Redis({
    Connector: ByRememberedName,
    host,
    port,
    lazyConnect: true,
    connectionName: 'hyperpage-failovers',
    disableClientInfo: true,
    enableReadyCheck: false,
    autoResubscribe: false,
    connectTimeout: 2000,
    commandTimeout: 2000,
    keepAlive: 5000,
    retryStrategy: (times) => {
      refreshPassword();
      return backoffMs(times - 1, { baseMs: 100, maxMs: 5000 }, random);
    },
  });
  const refreshPassword = () => {
    const password = passwordOf(target);
    if (password !== undefined) Object.assign(client.options, { password });
  };
  refreshPassword();
  // A sentinel may be away: the others speak, and this one is tried again.
  client.on('error', () => {});
  return client;
}

function passwordOf(target: RedisTarget): string | undefined {
  try {
    return readPassword(target);
  } catch {
    return undefined;
  }
}
