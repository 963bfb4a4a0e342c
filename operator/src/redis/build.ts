import type { HyperpageCluster } from '@hyperpage/contract';
import { quorumOf, sentinelNameOf } from '../desired/index.ts';
import { hostAndPort } from './address.ts';
import type { Decision } from './judge.ts';
import type { Credentials, RedisObservation, RedisOrders } from './types.ts';

/** Times that Sentinel works with; scripts/sentinel.sh writes the same. */
const SENTINEL_TIMES = {
  'down-after-milliseconds': '5000',
  // Half of the time after which a failover is tried again: with one Sentinel of three gone, one in five elections ends
  // in a draw, each of the two having voted for itself.
  'failover-timeout': '3000',
  // All of them: a replica that is dead would hold up the others for the whole time-out.
  'parallel-syncs': '8',
};

/** Builds the first topology: makes one Redis the primary, has the others follow it and the Sentinels watch it. It may
 *  break off anywhere: `judge` then finds one primary that nobody watches, and the next call goes on.
 *  Every step says what is, so doing it twice changes nothing.
 *  @throws the first error of Redis or of the network. */
export async function buildTopology(
  cluster: HyperpageCluster,
  observation: RedisObservation,
  decision: Extract<Decision, { kind: 'build' }>,
  credentials: Credentials,
  orders: RedisOrders,
): Promise<void> {
  const primary = observation.nodes.find(({ pod }) => pod === decision.primary);
  if (!primary) throw new Error(`the Redis pod ${decision.primary} is gone`);
  const name = sentinelNameOf(cluster);
  const [host, port] = hostAndPort(primary.address);
  const quorum = String(quorumOf(observation.expected));
  const rewrite = ['CONFIG', 'REWRITE'];
  const forget = decision.ghost === undefined ? [] : [['SENTINEL', 'REMOVE', name]];
  for (const { address } of observation.sentinels) {
    if (forget.length > 0) await orders(address, credentials, forget, /no such master/i);
  }
  await orders(primary.address, credentials, [['REPLICAOF', 'NO', 'ONE'], rewrite]);
  for (const node of observation.nodes) {
    if (node.pod !== primary.pod)
      await orders(node.address, credentials, [['REPLICAOF', host, port], rewrite]);
  }
  const settings = Object.entries(SENTINEL_TIMES).flat();
  for (const { address } of observation.sentinels) {
    const watch = [
      // Again: it may have asked a neighbour that had not forgotten yet.
      ...forget,
      ['SENTINEL', 'MONITOR', name, host, port, quorum],
      ['SENTINEL', 'SET', name, 'auth-user', name, 'auth-pass', credentials.password ?? '', ...settings],
    ];
    // A Sentinel may have learned from its neighbour meanwhile.
    await orders(address, credentials, watch, /duplicate|no such master/i);
  }
}
