import { type HyperpageCluster, namesOf } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { metadataOf } from './meta.ts';

/** Where Redis's password is: the user's own Secret, or the one that the operator makes. */
export const passwordSecretOf = (cluster: HyperpageCluster): { name: string; key: string } =>
  cluster.spec.redis.authSecretRef ?? {
    name: namesOf(cluster.metadata.name).redisAuthSecret,
    key: 'password',
  };

/** The Secret with Redis's password. It is created once and never applied: Redis, its Sentinels and the sidecars hold
 *  the password that they started with. */
export const redisSecret = (cluster: HyperpageCluster, password: string): Manifest<'Secret'> => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: metadataOf(cluster, namesOf(cluster.metadata.name).redisAuthSecret, 'redis'),
  type: 'Opaque',
  data: { password: Buffer.from(password, 'utf8').toString('base64') },
});
