import type { Member } from '@hyperpage/contract';

/** A member as the membership knows it; who leads is the API's to add. */
export type MemberView = Omit<Member, 'isLeader'>;

/** Who is alive. */
export interface Membership {
  /** Announces this pod and keeps announcing it. Resolves at once; Redis need not be there. */
  start(): void;
  /** Members by name, this pod always among them once started. While Redis is gone: the last list known, with
   *  growing `lastSeenMs`. */
  members(): MemberView[];
  /** Calls `listener` after a member came, went or restarted. Gives the way to stop. */
  onChange(listener: () => void): () => void;
  /** Calls `listener` when the registry has lost all that it knew, after it was out of reach: somebody who empties it in
   *  use means it. Gives the way to stop. */
  onForgotten(listener: () => void): () => void;
  /** Leaves: the others see it at once. Never throws. */
  goodbye(): Promise<void>;
}
