import type { HyperpageCluster } from '@hyperpage/contract';
import type { Observed } from './observe.ts';

/** Remembers the generated passwords that were seen, so that a Secret somebody deleted comes back with the password
 *  that Redis runs with. Only in memory. */
export interface Passwords {
  saw(observed: Pick<Observed, 'cluster' | 'secret'>): void;
  /** Notes the password of a Secret that was made just now: the next visit may come before it is in the cache. */
  made(cluster: HyperpageCluster, value: string): void;
  /** The password for a Secret that has to be made. */
  forNewSecret(cluster: HyperpageCluster): { value: string; remembered: boolean };
  forget(uid: string): void;
}

/** `generate` gives a fresh password. */
export function createPasswords(generate: () => string): Passwords {
  const seen = new Map<string, string>();
  return {
    saw: ({ cluster, secret }) => {
      const own = cluster.spec.redis.mode !== 'External' && !cluster.spec.redis.authSecretRef;
      if (own && secret.kind === 'present') seen.set(cluster.metadata.uid, secret.value);
    },
    made: ({ metadata: { uid } }, value) => void seen.set(uid, value),
    forNewSecret: ({ metadata: { uid } }) => {
      const known = seen.get(uid);
      return known === undefined
        ? { value: generate(), remembered: false }
        : { value: known, remembered: true };
    },
    forget: (uid) => void seen.delete(uid),
  };
}
