import type { StoredSession } from './operation.ts';

/** What another pod says of a session. */
export interface PeerWord {
  /** `redis`: it reaches Redis, and this is what is there; `peer`: it holds it until then. */
  consistency: 'redis' | 'peer';
  /** Absent: it knows of none. */
  held?: StoredSession;
  /** There are writes in it that Redis does not have. Without it is a copy, and may be one of what ended since. */
  pending?: true;
  /** What time it is by Redis's clock, give or take `offMs`; absent: it has not heard Redis since its start. */
  now?: { ms: number; offMs: number };
}

/** The pods that stand in for Redis while it is gone. Which ones does not depend on who asks: two for each session, and
 *  others in their place where they do not answer. */
export interface SessionPeers {
  /** Has them join in `held`, and gives what each of them holds then. Only pods that have it are among the answers. */
  hold(sessionId: string, held: StoredSession): Promise<PeerWord[]>;
  /** What they hold. `wide`: what all pods have seen of it. */
  read(sessionId: string, options: { wide: boolean }): Promise<PeerWord[]>;
}

/** What a pod does for another one that asks. */
export interface PeerService {
  /** Undefined: there is no room. */
  hold(sessionId: string, held: StoredSession): Promise<PeerWord | undefined>;
  read(sessionId: string): Promise<PeerWord>;
}

export const NO_PEERS: SessionPeers = { hold: async () => [], read: async () => [] };
