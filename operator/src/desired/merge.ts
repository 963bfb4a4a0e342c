/** Merging of pod templates: lists of Kubernetes objects merge by the key that Kubernetes itself uses for them. */

type Json = Record<string, unknown>;

/** Fields whose items have a key; every other list is replaced as a whole. */
const LIST_KEYS: Record<string, string> = {
  containers: 'name',
  initContainers: 'name',
  volumes: 'name',
  env: 'name',
  imagePullSecrets: 'name',
  volumeMounts: 'mountPath',
  ports: 'containerPort',
};

const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** `under` with `over` laid on it: objects merge, keyed lists merge by key (items of `over` keep their place at the
 *  end when they are new), everything else is taken from `over`. Neither argument is changed. */
export function mergeOver(under: unknown, over: unknown, field = ''): unknown {
  if (over === undefined) return under;
  if (isObject(under) && isObject(over)) {
    const merged: Json = { ...under };
    for (const [name, value] of Object.entries(over)) merged[name] = mergeOver(under[name], value, name);
    return merged;
  }
  const key = LIST_KEYS[field];
  if (key && Array.isArray(under) && Array.isArray(over)) return mergeKeyed(under, over, key);
  return over;
}

const mergeKeyed = (under: readonly unknown[], over: readonly unknown[], key: string): unknown[] => {
  const keyOf = (item: unknown) => (isObject(item) ? item[key] : undefined);
  const rest = [...over];
  const merged = under.map((item) => {
    const at = rest.findIndex((candidate) => keyOf(candidate) === keyOf(item));
    return at < 0 ? item : mergeOver(item, rest.splice(at, 1)[0]);
  });
  return [...merged, ...rest];
};
