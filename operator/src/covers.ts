/** Whether a stored object already holds every field that we want: the comparison that makes a steady state silent. */

/** Lists that Kubernetes merges by key: others may add items of their own to them. Items of every other list belong
 *  to whoever owns the list, so one more or one less is drift. */
const SHARED_LISTS = new Set([
  'containers',
  'initContainers',
  'volumes',
  'env',
  'ports',
  'volumeMounts',
  'imagePullSecrets',
  'topologySpreadConstraints',
  'ownerReferences',
  'hostAliases',
]);
/** Fields under which scalars are quantities: the API server stores `1000m` as `1`. */
const QUANTITY_FIELDS = new Set(['requests', 'limits', 'averageValue', 'sizeLimit', 'divisor']);

type Json = Record<string, unknown>;

/** True when `stored` holds every field of `wanted` with the same value. Fields that `wanted` does not name are not
 *  looked at. */
export function covers(stored: unknown, wanted: unknown, field = '', quantity = false): boolean {
  if (wanted === undefined || stored === wanted) return true;
  if (isEmpty(wanted) && (stored === undefined || isEmpty(stored))) return true;
  if (Array.isArray(wanted)) return Array.isArray(stored) && coversList(stored, wanted, field, quantity);
  if (isObject(wanted)) {
    return (
      isObject(stored) &&
      Object.entries(wanted).every(([name, value]) =>
        covers(stored[name], value, name, quantity || QUANTITY_FIELDS.has(name)),
      )
    );
  }
  return quantity && amount(stored) !== undefined && amount(stored) === amount(wanted);
}

const coversList = (stored: unknown[], wanted: unknown[], field: string, quantity: boolean): boolean =>
  SHARED_LISTS.has(field)
    ? wanted.every((item) => stored.some((candidate) => covers(candidate, item, '', quantity)))
    : stored.length === wanted.length &&
      wanted.every((item, index) => covers(stored[index], item, '', quantity));

const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

const isEmpty = (value: unknown): boolean =>
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (isObject(value) && Object.keys(value).length === 0);

const SUFFIXES: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The amount of a Kubernetes quantity, or undefined when it is none. */
export function amount(value: unknown): number | undefined {
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkKMGTPE]?i?)$/.exec(String(value));
  const factor = SUFFIXES[match?.[2] ?? ''];
  return match && factor !== undefined ? Number((Number(match[1]) * factor).toPrecision(12)) : undefined;
}
