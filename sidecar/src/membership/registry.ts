/** One pod's entry in the registry. */
export interface MemberRecord {
  podId: string;
  bootId: string;
  /** The pod's own clock at its start, milliseconds since the epoch. */
  startedAt: number;
}

export interface HeardMember extends MemberRecord {
  /** How long ago it was last heard, by the registry's clock, in milliseconds. */
  silentMs: number;
}

export interface Roll {
  /** Changes when the registry lost what it knew: then a name that is missing need not have left. */
  epoch: string;
  members: HeardMember[];
}

/** The membership's own port: where members announce themselves and the silent are struck off. */
export interface MemberRegistry {
  /** Announces `self`, strikes off who was silent for SILENT_MS, gives who remains. Rejects when out of reach. */
  beat(self: MemberRecord): Promise<Roll>;
  /** Strikes off this one life of the pod: not one that was started since. */
  leave(self: MemberRecord): Promise<void>;
  /** Calls `listener` when somebody came or was struck off, and when the registry is in reach again. */
  onPoke(listener: () => void): () => void;
}

/** Silence after which a member is struck off. */
export const SILENT_MS = 5000;
/** Time between announcements. */
export const BEAT_MS = 1000;
