import { CREDENTIAL_FILES, type HyperpageCluster, namesOf } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { metadataOf } from './meta.ts';

/** Where the user says what Redis's password is to be: in a Secret of their own, or in the one that the operator makes. */
export const passwordSecretOf = (cluster: HyperpageCluster): { name: string; key: string } =>
  cluster.spec.redis.authSecretRef ?? {
    name: namesOf(cluster.metadata.name).redisAuthSecret,
    key: 'password',
  };

/** The Secret with the password that is to be. It is created once and never applied: it is the user's to change. */
export const redisSecret = (cluster: HyperpageCluster, password: string): Manifest<'Secret'> => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).redisAuthSecret, 'redis'),
  type: 'Opaque',
  data: { password: base64(password) },
});

/** The passwords of a Redis: `password` is the one in use, `accepted` those that servers take. */
export interface RedisCredentials {
  password: string;
  accepted: readonly string[];
  /** Grows each time `password` changes. */
  generation: number;
}

/** The Secret that the pods mount. It is created once; a rotation changes its data step by step. */
export const credentialsSecret = (
  cluster: HyperpageCluster,
  credentials: RedisCredentials,
): Manifest<'Secret'> => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).redisCredentialsSecret, 'redis'),
  type: 'Opaque',
  data: credentialsData(credentials),
});

/** `credentials` as the data of a Secret. */
export const credentialsData = ({
  password,
  accepted,
  generation,
}: RedisCredentials): Record<string, string> => ({
  [CREDENTIAL_FILES.password]: base64(password),
  [CREDENTIAL_FILES.accepted]: base64(`${accepted.join('\n')}\n`),
  [CREDENTIAL_FILES.generation]: base64(String(generation)),
});

const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');
