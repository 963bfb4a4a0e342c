import type { Clock } from '@hyperpage/runtime';
import type { MemoryWorld } from '../memory-world.ts';
import type { Peers } from './index.ts';
import { decodeRequest, decodeWord, encodeRequest, encodeWord } from './messages.ts';
import { answerPeer } from './server.ts';
import { createSessionPeers } from './session-peers.ts';

/** The sidecars in this process, as they would be on a network. */
export function createMemoryPeers(world: MemoryWorld, podId: string, clock: Clock): Peers {
  const { peers } = world;
  return {
    sessions: createSessionPeers({
      clock,
      others: () => [...peers.keys()].filter((other) => other !== podId),
      async ask(address, request) {
        const service = peers.get(address);
        if (!service) throw new Error(`${address} is gone`);
        const word = await answerPeer(service, decodeRequest(encodeRequest(request)));
        if (!word) throw new Error(`${address} has no room`);
        return decodeWord(encodeWord(word));
      },
    }),
    handler(service) {
      peers.set(podId, service);
      return undefined;
    },
    close: () => void peers.delete(podId),
  };
}
