import { LEASE_ANNOTATIONS } from '@hyperpage/contract';
import { type Lease, podOf } from './lease.ts';
import { termOf } from './term.ts';

/** The electors of a Lease: sidecars whose promises its holder needs, next to the Lease itself, to be valid. */

/** One process that promises, and where it answers. A restarted one is another: it knows nothing of old promises. */
export interface Elector {
  /** `<pod>_<bootId>`. */
  readonly id: string;
  /** `ip:port`. */
  readonly host: string;
}

/** A process that has answered. */
export interface Known extends Elector {
  readonly node: string;
  /** When it was asked what it answered last. */
  readonly seenMs: number;
}

/** Fewer cannot lose one and still have a majority; more cost more than they bring. Even numbers bear no more losses
 *  than the odd one below. */
const SIZES = [5, 3] as const;
export const MOST_ELECTORS = SIZES[0];

export const majorityOf = (electors: readonly Elector[]): number => Math.floor(electors.length / 2) + 1;

/** The electors that a Lease names. Those of another term are none: somebody who knows no electors wrote the Lease. */
export function electorsOf(lease: Lease | undefined): readonly Elector[] {
  const text = lease?.metadata.annotations?.[LEASE_ANNOTATIONS.electors];
  if (lease === undefined || text === undefined) return [];
  try {
    const { term, electors } = JSON.parse(text) as { term?: unknown; electors?: unknown };
    if (term !== termOf(lease) || !Array.isArray(electors) || !electors.every(isPair)) return [];
    return electors.map(([id, host]) => ({ id, host }));
  } catch {
    return [];
  }
}

const isPair = (value: unknown): value is [string, string] =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');

/** `annotations` with these electors, named under `term`. */
export function withElectors(
  annotations: Record<string, string>,
  term: number,
  electors: readonly Elector[],
): Record<string, string> {
  const { [LEASE_ANNOTATIONS.electors]: _, ...rest } = annotations;
  if (electors.length === 0) return rest;
  const pairs = electors.map(({ id, host }) => [id, host]);
  return { ...rest, [LEASE_ANNOTATIONS.electors]: JSON.stringify({ term, electors: pairs }) };
}

/** Until when a majority of `electors` supports whoever got these `grants` (by elector, when they were asked for), each
 *  of which counts for `windowMs`. Without electors nothing is needed. */
export function heldUntilMs(
  electors: readonly Elector[],
  grants: ReadonlyMap<string, number>,
  windowMs: number,
): number {
  if (electors.length === 0) return Number.POSITIVE_INFINITY;
  const ends = electors.map(({ id }) => (grants.get(id) ?? Number.NEGATIVE_INFINITY) + windowMs);
  return ends.sort((a, b) => b - a)[majorityOf(electors) - 1] as number;
}

/** The pod that the Lease says should lead if it can. */
export const preferredOf = (lease: Lease | undefined): string | undefined =>
  lease?.metadata.annotations?.[LEASE_ANNOTATIONS.preferred];

/** Who should be asked to promise: `self` first, then who is in the pod `preferred`, then others on as many nodes as there
 *  are, those that are electors already before others. None when there are too few to lose one. */
export function chooseElectors(
  self: Known,
  others: readonly Known[],
  current: readonly Elector[],
  preferred?: string,
): readonly Elector[] {
  const size = SIZES.find((one) => one <= others.length + 1);
  if (size === undefined) return [];
  const second = others.filter(({ id }) => id !== self.id && podOf(id) === preferred).slice(0, 1);
  const chosen = [self, ...second];
  const left = others.filter((one) => one.id !== self.id && !second.includes(one));
  const crowd = ({ node }: Known) => chosen.filter((one) => one.node === node).length;
  const isCurrent = ({ id }: Known) => current.some((one) => one.id === id);
  while (chosen.length < size) {
    const best = left.reduce((a, b) => {
      const difference = crowd(a) - crowd(b) || Number(isCurrent(b)) - Number(isCurrent(a));
      return difference <= 0 ? a : b;
    });
    left.splice(left.indexOf(best), 1);
    chosen.push(best);
  }
  return chosen.map(({ id, host }) => ({ id, host }));
}

/** On how many nodes they are. */
export const spreadOf = (electors: readonly Elector[], known: readonly Known[]): number =>
  new Set(electors.map(({ id }) => known.find((one) => one.id === id)?.node)).size;

export const sameElectors = (a: readonly Elector[], b: readonly Elector[]): boolean =>
  a.length === b.length && a.every(({ id }) => b.some((one) => one.id === id));
