import { beatMsOf, type SidecarElectionPeers } from '../election/peers.ts';
import type { RedisClock } from '../sessions/index.ts';
import type { MemoryWorld } from '../memory-world.ts';
import type { Peers } from './index.ts';
import { decodeRequest, decodeWord, encodeRequest, encodeWord } from './messages.ts';
import { answerPeer } from './server.ts';
import { createSessionPeers } from './session-peers.ts';

/** The sidecars in this process, as they would be on a network. */
export function createMemoryPeers(
  world: MemoryWorld,
  { podId, clock, promiseMs }: { podId: string; clock: RedisClock; promiseMs: number },
): Peers {
  const { peers, electors } = world;
  const election: SidecarElectionPeers = {
    host: podId,
    node: podId,
    promiseMs,
    beatMs: beatMsOf(promiseMs),
    ask: async (host, ask) => electors.ask(host, ask),
    follow: (listener) => electors.follow((hosts) => listener(hosts.filter((host) => host !== podId))),
    answerWith: (answer) => electors.join(podId, answer),
  };
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
    election: promiseMs > 0 ? election : undefined,
    handler(service) {
      if (service) peers.set(podId, service);
      return undefined;
    },
    close() {
      peers.delete(podId);
      electors.leave(podId);
    },
  };
}
