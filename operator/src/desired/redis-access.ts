import {
  CREDENTIAL_FILES,
  type HyperpageCluster,
  namesOf,
  REDIS_PASSWORD_FILE,
  REDIS_TLS_DIRECTORY,
} from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';

type PodSpec = NonNullable<NonNullable<Manifest<'Deployment'>['spec']>['template']['spec']>;
type Volume = NonNullable<PodSpec['volumes']>[number];
type VolumeMount = NonNullable<PodSpec['containers'][number]['volumeMounts']>[number];

/** How a container speaks to Redis: the passwords and certificates that are mounted in it. */

const AUTH_VOLUME = 'hyperpage-redis-auth';
const TLS_VOLUME = 'hyperpage-redis-tls';

export const passwordDirectory = REDIS_PASSWORD_FILE.slice(0, REDIS_PASSWORD_FILE.lastIndexOf('/'));

/** The passwords as a volume. Mounted only in containers of ours. */
export const passwordVolume = (cluster: HyperpageCluster): Volume => ({
  name: AUTH_VOLUME,
  secret: {
    secretName: namesOf(cluster.metadata.name).redisCredentialsSecret,
    defaultMode: 0o444,
    items: Object.values(CREDENTIAL_FILES).map((file) => ({ key: file, path: file })),
  },
});

export const passwordMount: VolumeMount = { name: AUTH_VOLUME, mountPath: passwordDirectory, readOnly: true };

/** The user's certificates: `server` with the key, `client` only what verifies it. None without TLS. */
export const tlsVolume = (cluster: HyperpageCluster, side: 'server' | 'client'): Volume[] => {
  const { tls } = cluster.spec.redis;
  if (!tls) return [];
  const files = side === 'server' ? ['tls.crt', 'tls.key', 'ca.crt'] : ['ca.crt'];
  return [
    {
      name: TLS_VOLUME,
      secret: {
        secretName: tls.secretName,
        defaultMode: 0o444,
        items: files.map((file) => ({ key: file, path: file })),
      },
    },
  ];
};

export const tlsMount = (cluster: HyperpageCluster): VolumeMount[] =>
  cluster.spec.redis.tls ? [{ name: TLS_VOLUME, mountPath: REDIS_TLS_DIRECTORY, readOnly: true }] : [];
