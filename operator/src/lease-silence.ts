import type { Clock } from '@hyperpage/runtime';
import type { Stored } from './kube/index.ts';

/** How long Leases have been silent, by our own clock: `renewTime` was written by another machine's and is compared
 *  only with itself. */
export interface LeaseSilence {
  /** Milliseconds since a renewal of `lease` was last seen. The first sight counts as one: nobody can know better. */
  silentMs(lease: Stored<'Lease'>): number;
  /** Notes what was seen; call it with every change. Gives whether more than the renewal has changed. */
  saw(lease: Stored<'Lease'>): boolean;
  forget(uid: string): void;
}

export function createLeaseSilence(clock: Clock): LeaseSilence {
  const seen = new Map<string, { renewal: string; rest: string; atMs: number }>();
  const note = (lease: Stored<'Lease'>) => {
    const { holderIdentity, renewTime, leaseDurationSeconds } = lease.spec ?? {};
    const rest = JSON.stringify([holderIdentity, leaseDurationSeconds, lease.metadata.annotations]);
    const renewal = `${renewTime} ${rest}`;
    const last = seen.get(lease.metadata.uid);
    if (last?.renewal === renewal) return { ...last, moved: false };
    const entry = { renewal, rest, atMs: clock.monotonicMs() };
    seen.set(lease.metadata.uid, entry);
    return { ...entry, moved: last?.rest !== rest };
  };
  return {
    silentMs: (lease) => clock.monotonicMs() - note(lease).atMs,
    saw: (lease) => note(lease).moved,
    forget: (uid) => void seen.delete(uid),
  };
}
