import type { Clock } from '@hyperpage/runtime';
import type { ObjectClient, Stored } from './kube/index.ts';

/** The value of a key in a Secret, or what is wrong. Values never leave this process but to Redis. */
export type SecretValue =
  | { kind: 'present'; value: string }
  /** `problem` completes "the Secret …" for people, without the value. `exists`: the Secret is there and of no use. */
  | { kind: 'missing'; problem: string; exists?: boolean };

export interface SecretReference {
  name: string;
  key: string;
}

/** Reads Secrets of users, which no cache holds: the operator watches only Secrets with its own label. */
export interface SecretReader {
  /** The value, at most `maxAgeMs` old. @throws KubeError when the API server does not answer. */
  read(namespace: string, reference: SecretReference): Promise<SecretValue>;
  /** The value in a Secret that is at hand. */
  valueIn(
    secret: Stored<'Secret'> | undefined,
    reference: SecretReference & { namespace: string },
  ): SecretValue;
}

/** Makes a reader that asks for the same Secret once in `maxAgeMs`. */
export function createSecretReader(
  client: Pick<ObjectClient, 'get'>,
  clock: Clock,
  maxAgeMs = 10_000,
): SecretReader {
  const read = new Map<string, { atMs: number; secret: Promise<Stored<'Secret'> | undefined> }>();
  const fresh = (namespace: string, name: string) => {
    const now = clock.monotonicMs();
    for (const [id, { atMs }] of read) if (now - atMs > maxAgeMs) read.delete(id);
    const id = `${namespace}/${name}`;
    const known = read.get(id);
    if (known) return known.secret;
    const secret = client.get('Secret', { namespace, name });
    read.set(id, { atMs: now, secret });
    secret.catch(() => read.delete(id));
    return secret;
  };
  return {
    read: async (namespace, reference) => valueIn(await fresh(namespace, reference.name), reference),
    valueIn,
  };
}

function valueIn(secret: Stored<'Secret'> | undefined, { name, key }: SecretReference): SecretValue {
  if (!secret) return { kind: 'missing', problem: `${name} does not exist: create it with the key ${key}` };
  const data = secret.data?.[key];
  if (data === undefined)
    return { kind: 'missing', problem: `${name} has no key ${key}: add it`, exists: true };
  const value = Buffer.from(data, 'base64').toString('utf8').trim();
  if (value === '')
    return { kind: 'missing', problem: `${name} has an empty ${key}: write the value`, exists: true };
  return { kind: 'present', value };
}
