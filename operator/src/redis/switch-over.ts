import type { HyperpageCluster } from '@hyperpage/contract';
import { type Clock, sleep } from '@hyperpage/runtime';
import { sentinelNameOf } from '../desired/index.ts';
import { hostAndPort } from './address.ts';
import { readInfo, readSettings } from './info.ts';
import type { Judgement } from './judge.ts';
import type { Credentials, RedisOrders } from './types.ts';

/** Longest wait for replicas to have everything, and for the Sentinels to name one of them, in milliseconds. */
const CATCH_UP_MS = 2000;
const ELECTION_MS = 8000;
/** Longest wait for the new primary to have the replicas that it needs for a write: it goes on without, and the status
 *  says so. */
const FOLLOWED_MS = 2000;
/** Longest pause of writes. It ends by itself, also when this process dies, and not before the former primary has either
 *  been told to follow or been left by its replicas: a write that it took meanwhile would be lost. */
const PAUSE_MS = CATCH_UP_MS + ELECTION_MS + 10_000;
const BREATH_MS = 50;

export interface SwitchOver {
  cluster: HyperpageCluster;
  judgement: Judgement;
  /** Addresses of the replicas. */
  replicas: readonly string[];
  credentials: Credentials;
  orders: RedisOrders;
  clock: Clock;
}

/** Hands the primary over on purpose, so that nothing that was written is lost and the old one takes no write beside the
 *  new one. Writes are paused (clients wait, they are not refused), every replica catches up to the last byte, Sentinel
 *  elects one of them, and all others follow it at once: by itself Sentinel would let the old primary go on for eight
 *  seconds (SENTINEL_PUBLISH_PERIOD * 4, sentinel.c). Gives the address of the new primary.
 *  @throws Error when it did not come to it; writes go on then, at whoever the Sentinels name. */
export async function switchOver(options: SwitchOver): Promise<string> {
  const { judgement, replicas, credentials, orders } = options;
  const primary = judgement.primary?.address;
  if (primary === undefined) throw new Error('there is no primary to switch over from');
  const unpause = () => orders(primary, credentials, [['CLIENT', 'UNPAUSE']]).catch(() => {});
  await orders(primary, credentials, [['CLIENT', 'PAUSE', String(PAUSE_MS), 'WRITE']]);
  try {
    await caughtUp(options, primary);
    await failOver(options);
  } catch (error) {
    // Nobody was asked to replace it: it goes on.
    await unpause();
    throw error;
  }
  const next = await elected(options, primary);
  // Together: it takes no write until a majority is with it, and Sentinel sends one replica after the other.
  const others = replicas.filter((address) => address !== next);
  await Promise.all([
    follow(options, primary, next),
    ...others.map((address) => follow(options, address, next).catch(() => {})),
  ]);
  await unpause();
  await followed(options, next).catch(() => {});
  return next;
}

/** Resolves once every replica has applied what the paused primary has written. */
async function caughtUp(
  { replicas, credentials, orders, clock }: SwitchOver,
  primary: string,
): Promise<void> {
  const offsetOf = async (address: string) => {
    const [info] = await orders(address, credentials, [['INFO', 'replication']]);
    return readInfo(String(info)).offset;
  };
  await until(clock, CATCH_UP_MS, 'the replicas have what the primary has', async () => {
    const written = await offsetOf(primary);
    const applied = await Promise.all(replicas.map(offsetOf));
    return applied.every((offset) => offset >= written) || undefined;
  });
}

/** Has a Sentinel fail over. */
async function failOver({ cluster, judgement, credentials, orders }: SwitchOver): Promise<void> {
  const { watching, primary } = judgement;
  // Not the one that may be restarted with the primary's pod next.
  const asked = watching.find(({ pod }) => pod !== primary?.pod) ?? watching[0];
  if (!asked) throw new Error('no Sentinel can be asked to fail over');
  await orders(asked.address, credentials, [['SENTINEL', 'FAILOVER', sentinelNameOf(cluster)]]);
}

/** The address that a majority of the Sentinels names now, another one than `primary`. */
async function elected(
  { cluster, judgement, credentials, orders, clock }: SwitchOver,
  primary: string,
): Promise<string> {
  const name = sentinelNameOf(cluster);
  const { watching, quorum } = judgement;
  return until(clock, ELECTION_MS, 'the Sentinels name another primary', async () => {
    const named = await Promise.all(
      watching.map(async ({ address }) => {
        const [answer] = await orders(address, credentials, [['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]]);
        return Array.isArray(answer) ? `${answer[0]}:${answer[1]}` : '';
      }),
    );
    return named.find(
      (next) => next !== '' && next !== primary && named.filter((each) => each === next).length >= quorum,
    );
  });
}

/** What Sentinel itself sends to all but the primary (sentinelSendSlaveOf, sentinel.c): clients are cut off, so that they
 *  ask who is primary now. */
async function follow({ credentials, orders }: SwitchOver, address: string, next: string): Promise<void> {
  await orders(address, credentials, [
    ['MULTI'],
    ['REPLICAOF', ...hostAndPort(next)],
    ['CONFIG', 'REWRITE'],
    ['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'],
    ['CLIENT', 'KILL', 'TYPE', 'pubsub'],
    ['EXEC'],
  ]);
}

/** Resolves once the new primary takes writes. */
async function followed({ credentials, orders, clock }: SwitchOver, next: string): Promise<void> {
  await until(clock, FOLLOWED_MS, 'replicas follow the new primary', async () => {
    const [info, setting] = await orders(next, credentials, [
      ['INFO', 'replication'],
      ['CONFIG', 'GET', 'min-replicas-to-write'],
    ]);
    const minReplicas = Number(readSettings(setting)['min-replicas-to-write']);
    return readInfo(String(info), minReplicas).refuses === undefined || undefined;
  });
}

async function until<T>(
  clock: Clock,
  ms: number,
  what: string,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const startMs = clock.monotonicMs();
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (clock.monotonicMs() - startMs > ms) throw new Error(`waited ${ms} ms in vain until ${what}`);
    await sleep(clock, BREATH_MS);
  }
}
