import { every, sleep } from '@hyperpage/runtime';
import type { Redis } from 'ioredis';
import type { Authentication } from './authentication.ts';
import type { RedisTarget } from './options.ts';
import { type SentinelClientOptions, sentinelClient } from './sentinel-client.ts';
import { type Voucher, vouchedUntilMs, voucherOf } from './vouchers.ts';

const CHANNEL = '+switch-master';
/** What sentinels announced is news for this long; then they are asked. */
const NEWS_MS = 60_000;
/** Sentinels come and go slowly: when there are more of them, or their pods move. */
export const ASK_PEERS_MS = 5000;
/** Vouchers are good for some seconds: asked for this often there is always one in hand. */
const ASK_VOUCHERS_MS = 1000;
/** How long an answer without one in hand may take, and how often they are asked meanwhile. */
const CONFIRM_MS = 1000;
const CONFIRM_EVERY_MS = 50;

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
  /** Why a sentinel is not connected, undefined when all are. ioredis, asking them, tells only that they do not answer. */
  problem(): string | undefined;
  /** Whether `primary` is the primary at this moment for certain, so that what its replicas have is not lost: a majority
   *  of the sentinels hear it. Asks them when what they said last does not tell. */
  vouchFor(primary: Address): Promise<boolean>;
  close(): void;
}

interface Watched {
  client: Redis;
  authentication: Authentication;
  named: Address;
  /** The other sentinels, as this one told last: not all of them need to be named to us. */
  peers: Address[];
  voucher?: Voucher | undefined;
  problem?: string;
}

/** Listens to every sentinel, and calls `onSwitch` with the new primary's address when one of them says that the primary
 *  is another now: a primary that hangs or is cut off keeps its connections, and would be waited for. One connection to
 *  each sentinel for all of this process; ioredis's own detector makes as many for each of its clients, and writes to
 *  the console. */
export function watchSentinels(
  target: RedisTarget & { kind: 'sentinels' },
  options: SentinelClientOptions,
  onSwitch: (primary: Address) => void,
): Sentinels {
  const { clock, lookup } = options;
  let news: { primary: Address; atMs: number } | undefined;
  const heard = (text: string) => {
    // name, address and port of the old one, address and port of the new one
    const [name, , , host = '', port = ''] = text.split(' ');
    if (name !== target.masterName) return;
    const primary = { host, port: Number(port) };
    news = { primary, atMs: clock.monotonicMs() };
    onSwitch(primary);
  };
  const watched = target.sentinels.map((named): Watched => {
    const one: Watched = { ...sentinelClient(named, options), named, peers: [] };
    const { client } = one;
    client.on('ready', () => void welcome(one).catch(() => client.disconnect(true)));
    client.on('message', (_channel, text) => heard(text));
    client.on('error', (error) => (one.problem = error.message));
    client.connect().catch(() => {});
    return one;
  });
  const welcome = async (one: Watched) => {
    // First: over RESP2 a subscriber can ask nothing more.
    await learnPeers(one);
    await askVoucher(one);
    await one.client.subscribe(CHANNEL);
  };
  const askVoucher = async (one: Watched) => {
    if (one.client.status !== 'ready') return;
    const sentMs = clock.monotonicMs();
    const told = await one.client.call('SENTINEL', 'MASTER', target.masterName).catch(() => undefined);
    if (told !== undefined) one.voucher = voucherOf(fieldsOf(told), sentMs);
  };
  const vouched = ({ host, port }: Address) =>
    clock.monotonicMs() <
    vouchedUntilMs(
      watched.map(({ voucher }) => voucher),
      `${host}:${port}`,
    );
  /** Peers are a last resort: not knowing them breaks nothing, and what was told before is better than nothing. */
  const learnPeers = async (one: Watched) => {
    if (one.client.status !== 'ready') return;
    const told = await one.client.call('SENTINEL', 'SENTINELS', target.masterName).catch(() => undefined);
    if (told !== undefined) one.peers = peersOf(told);
  };
  const each = (ms: number, ask: (one: Watched) => Promise<void>) =>
    every(
      clock,
      ms,
      async () => void (await Promise.all(watched.map(ask))),
      () => {},
    );
  const asking = [each(ASK_PEERS_MS, learnPeers), each(ASK_VOUCHERS_MS, askVoucher)];

  return {
    announced: () => (news && clock.monotonicMs() - news.atMs < NEWS_MS ? news.primary : undefined),
    async addresses() {
      const asked = [...watched].sort((a, b) => rank(a) - rank(b));
      const found = await Promise.allSettled(
        asked.map(async ({ named }) => ({ host: await lookup(named.host), port: named.port })),
      );
      const named = found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const known = distinct([...named, ...asked.flatMap(({ peers }) => peers)]);
      if (known.length > 0) return known;
      const failed = found.find((one) => one.status === 'rejected');
      throw new Error('no sentinel has an address', { cause: failed?.reason });
    },
    async vouchFor(primary) {
      const untilMs = clock.monotonicMs() + CONFIRM_MS;
      while (!vouched(primary) && clock.monotonicMs() < untilMs) {
        // Right after a failover they take a moment; and one of them may be away, so nobody is waited for.
        void Promise.all(watched.map(askVoucher));
        await sleep(clock, CONFIRM_EVERY_MS);
      }
      return vouched(primary);
    },
    problem() {
      const { named, problem } = watched.find((one) => rank(one) > 0 && one.problem !== undefined) ?? {};
      return named && `${named.host}:${named.port}: ${problem}`;
    },
    close() {
      for (const timer of asking) timer.cancel();
      for (const { client, authentication } of watched) {
        authentication.stop();
        client.disconnect();
      }
    },
  };
}

const rank = ({ client }: Watched) => (client.status === 'ready' ? 0 : 1);

const distinct = (addresses: Address[]): Address[] =>
  addresses.filter((one, index) => addresses.findIndex((other) => isSame(one, other)) === index);

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
