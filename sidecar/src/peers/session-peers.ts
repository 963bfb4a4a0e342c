import type { PeerWord, RedisClock, SessionPeers } from '../sessions/index.ts';
import type { PeerRequest } from './messages.ts';
import { preferred } from './rendezvous.ts';

export interface SessionPeersOptions {
  clock: RedisClock;
  /** Addresses of the other pods, as far as they are known. */
  others: () => readonly string[];
  /** Rejects when the pod does not answer or refuses. */
  ask: (address: string, request: PeerRequest) => Promise<PeerWord>;
}

/** Pods that hold a session beside the one that wrote it. */
const HOLDERS = 2;
/** Most pods that are asked in vain before what there is has to do. */
const MOST_ASKED = 6;
/** A pod that did not answer is asked last for so long. */
const SHUNNED_MS = 5000;
/** Questions to all pods at the same time: ids that nobody knows must not keep everybody busy. */
const MOST_WIDE = 8;
/** Of more pods than these the ones that the id prefers are asked. */
const ALL = 24;

/** Finds each session's holders: the pods that its id prefers, and the next ones where they do not answer. */
export function createSessionPeers({ clock, others, ask }: SessionPeersOptions): SessionPeers {
  const shunned = new Map<string, number>();
  let wideNow = 0;

  const candidates = (sessionId: string): string[] => {
    const nowMs = clock.monotonicMs();
    const isShunned = (address: string) => (shunned.get(address) ?? 0) > nowMs;
    const all = preferred(others(), sessionId);
    return [...all.filter((one) => !isShunned(one)), ...all.filter(isShunned)];
  };

  /** Undefined: no answer. */
  const attempt = async (address: string, request: PeerRequest): Promise<PeerWord | undefined> => {
    try {
      const askedMs = clock.monotonicMs();
      const word = await ask(address, request);
      if (word.now) clock.observe(word.now.ms, askedMs, word.now.offMs);
      shunned.delete(address);
      return word;
    } catch {
      shunned.set(address, clock.monotonicMs() + SHUNNED_MS);
      return undefined;
    }
  };

  /** Asks until so many have answered, that many at a time. */
  const askSome = async (addresses: readonly string[], request: PeerRequest): Promise<PeerWord[]> => {
    const queue = addresses.slice(0, MOST_ASKED);
    const words: PeerWord[] = [];
    const worker = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const word = await attempt(next, request);
        if (!word) continue;
        words.push(word);
        return;
      }
    };
    await Promise.all(Array.from({ length: HOLDERS }, worker));
    return words;
  };

  return {
    hold: (sessionId, held) => askSome(candidates(sessionId), { do: 'hold', sessionId, held }),
    async read(sessionId, { wide }) {
      const addresses = candidates(sessionId);
      const request = { do: 'read', sessionId } as const;
      if (!wide || wideNow >= MOST_WIDE) return askSome(addresses, request);
      wideNow += 1;
      try {
        const words = await Promise.all(addresses.slice(0, ALL).map((one) => attempt(one, request)));
        return words.filter((word) => word !== undefined);
      } finally {
        wideNow -= 1;
      }
    },
  };
}
