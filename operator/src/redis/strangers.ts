import type { Judgement, Sentinel } from './judge.ts';
import type { RedisObservation } from './types.ts';

/** Time for which a Sentinel must have told of the same strangers, in milliseconds, before it is made to forget them:
 *  a pod that only restarts is back by then. */
export const STRANGER_PROOF_MS = 20_000;

/** Sentinels that remember pods which are gone for ever: replicas at addresses that no pod has, or more Sentinels than
 *  there are. They swell the number that a majority is counted from, and an address may pass to somebody else's pod.
 *  Names of their pods, in order; none unless every pod that there should be is seen and all agree: only then is it
 *  proven that what they remember is not just out of sight. */
export function strangersOf(
  { expected, nodes, sentinels }: RedisObservation,
  { elected, primaries, watching }: Pick<Judgement, 'elected' | 'primaries' | 'watching'>,
): string[] {
  if (nodes.length !== expected || nodes.some(({ reachable }) => !reachable)) return [];
  if (watching.length !== expected || sentinels.length !== expected) return [];
  if (primaries.length !== 1 || primaries[0]?.address !== elected) return [];
  if (watching.some(({ primary, failingOver }) => primary !== elected || failingOver)) return [];
  const addresses = new Set(nodes.map(({ address }) => address));
  const remembersTooMuch = ({ knows, replicas }: Sentinel) =>
    knows > expected - 1 || replicas.some(({ address, down }) => down && !addresses.has(address));
  return watching
    .filter(remembersTooMuch)
    .map(({ pod }) => pod)
    .sort();
}
