import { every, sleep } from '@hyperpage/runtime';
import type { Redis } from 'ioredis';
import type { Authentication } from './authentication.ts';
import type { RedisTarget } from './options.ts';
import { type SentinelClientOptions, sentinelClient } from './sentinel-client.ts';
import { type Hearing, hearingOf, type Voucher, vouchedUntilMs, voucherOf } from './vouchers.ts';

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
  /** A host name where it was named to us, an IP address where other sentinels told of it. */
  address: Address;
  named: boolean;
  /** Its own, that the others call it by too. */
  id?: string;
  /** The other sentinels, as this one told last: not all of them need to be named to us. */
  peers: Peer[];
  voucher?: Voucher | undefined;
  problem?: string;
}

interface Peer extends Address {
  id: string;
}

/** Listens to every sentinel, those that were named and those that they tell of, and calls `onSwitch` with the new primary's address when one of them says that the primary
 *  is another now: a primary that hangs or is cut off keeps its connections, and would be waited for. One connection to
 *  each sentinel for all of this process; ioredis's own detector makes as many for each of its clients, and writes to
 *  the console. */
export function watchSentinels(
  target: RedisTarget & { kind: 'sentinels' },
  options: SentinelClientOptions,
  onSwitch: (primary: Address) => void,
): Sentinels {
  const { clock, lookup } = options;
  let closed = false;
  /** By the Sentinels' own ids: it outlives the connections to them. */
  const hearings = new Map<string, Hearing>();
  let news: { primary: Address; atMs: number } | undefined;
  const heard = (text: string) => {
    // name, address and port of the old one, address and port of the new one
    const [name, , , host = '', port = ''] = text.split(' ');
    if (name !== target.masterName) return;
    const primary = { host, port: Number(port) };
    news = { primary, atMs: clock.monotonicMs() };
    onSwitch(primary);
  };
  const watch = (address: Address, named: boolean): Watched => {
    const one: Watched = { ...sentinelClient(address, options), address, named, peers: [] };
    const { client } = one;
    client.on('ready', () => void welcome(one).catch(() => client.disconnect(true)));
    client.on('message', (_channel, text) => heard(text));
    client.on('error', (error) => (one.problem = error.message));
    client.connect().catch(() => {});
    return one;
  };
  const leave = ({ client, authentication }: Watched) => {
    authentication.stop();
    client.disconnect();
  };
  let watched = target.sentinels.map((address) => watch(address, true));
  const welcome = async (one: Watched) => {
    // First: over RESP2 a subscriber can ask nothing more.
    one.id = String(await one.client.call('SENTINEL', 'MYID'));
    await learnPeers(one);
    await askVoucher(one);
    await one.client.subscribe(CHANNEL);
  };
  const askVoucher = async (one: Watched) => {
    if (one.client.status !== 'ready' || one.id === undefined) return;
    const sentMs = clock.monotonicMs();
    const told = await one.client.call('SENTINEL', 'MASTER', target.masterName).catch(() => undefined);
    if (told === undefined || one.id === undefined) return;
    const fields = fieldsOf(told);
    const hearing = hearingOf(fields, sentMs, hearings.get(one.id));
    hearings.set(one.id, hearing);
    one.voucher = voucherOf(fields, sentMs, hearing);
  };
  const vouched = ({ host, port }: Address) =>
    clock.monotonicMs() <
    vouchedUntilMs(
      distinctById(readyFirst(watched)).map(({ voucher }) => voucher),
      `${host}:${port}`,
    );
  /** Peers are a last resort: not knowing them breaks nothing, and what was told before is better than nothing. */
  const learnPeers = async (one: Watched) => {
    if (one.client.status !== 'ready') return;
    const told = await one.client.call('SENTINEL', 'SENTINELS', target.masterName).catch(() => undefined);
    if (told === undefined || closed) return;
    one.peers = peersOf(told);
    watchPeers();
  };
  /** A majority of all sentinels must be heard, and those that were named may be fewer than there are, or gone. */
  const watchPeers = () => {
    const told = watched.flatMap((one) => (isReady(one) ? one.peers : []));
    const isNamed = ({ id }: Watched) => watched.some((one) => one.named && one.id === id && isReady(one));
    const isNeeded = (one: Watched) =>
      one.named || (!isNamed(one) && (isReady(one) || told.some((peer) => isSame(peer, one.address))));
    const kept = watched.filter(isNeeded);
    const missing = distinctById(told).filter(
      (peer) => !kept.some(({ id, address }) => id === peer.id || isSame(address, peer)),
    );
    // Those that are just connecting have not said yet who they are: as many as there are sentinels are enough.
    const all = new Set([...told, ...kept.filter(isReady)].map(({ id }) => id)).size;
    const more = missing.slice(0, Math.max(0, all - kept.length));
    for (const one of watched) if (!kept.includes(one)) leave(one);
    watched = [...kept, ...more.map(({ host, port }) => watch({ host, port }, false))];
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
      const asked = readyFirst(watched);
      const found = await Promise.allSettled(
        asked.map(async ({ address }) => ({ host: await lookup(address.host), port: address.port })),
      );
      const named = found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const told = asked.flatMap(({ peers }) => peers.map(({ host, port }) => ({ host, port })));
      const known = distinct([...named, ...told]);
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
      const { address, problem } = watched.find((one) => !isReady(one) && one.problem !== undefined) ?? {};
      return address && `${address.host}:${address.port}: ${problem}`;
    },
    close() {
      closed = true;
      for (const timer of asking) timer.cancel();
      for (const one of watched) leave(one);
    },
  };
}

const isReady = ({ client }: Watched) => client.status === 'ready';
const readyFirst = (all: Watched[]) => [...all].sort((a, b) => Number(isReady(b)) - Number(isReady(a)));

/** The first of those that have the same id, and all that have none yet. */
const distinctById = <One extends { id?: string }>(all: One[]): One[] =>
  all.filter(({ id }, index) => id === undefined || all.findIndex((one) => one.id === id) === index);

const distinct = (addresses: Address[]): Address[] =>
  addresses.filter((one, index) => addresses.findIndex((other) => isSame(one, other)) === index);

/** Sentinels that the answer to `SENTINEL SENTINELS` calls alive. They may be addresses of pods long gone. */
function peersOf(told: unknown): Peer[] {
  if (!Array.isArray(told)) return [];
  return told.flatMap((one: unknown) => {
    const { ip, port, flags, runid } = fieldsOf(one);
    if (typeof ip !== 'string' || ip === '' || !Number(port)) return [];
    return /down|disconnected/.test(String(flags))
      ? []
      : [{ host: ip, port: Number(port), id: String(runid) }];
  });
}

/** A reply of names and values, as RESP2 or RESP3 gives it. */
function fieldsOf(reply: unknown): Record<string, unknown> {
  if (reply instanceof Map) return Object.fromEntries(reply) as Record<string, unknown>;
  if (!Array.isArray(reply)) return typeof reply === 'object' && reply !== null ? { ...reply } : {};
  const pairs = reply.flatMap((name, index) => (index % 2 === 0 ? [[name, reply[index + 1]]] : []));
  return Object.fromEntries(pairs) as Record<string, unknown>;
}
