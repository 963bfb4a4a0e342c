import type { SidecarSettings } from '@hyperpage/contract';
import {
  type Answer,
  type Ask,
  type Clock,
  type Logger,
  type Registry,
  SettingsError,
} from '@hyperpage/runtime';
import { beatMsOf, type SidecarElectionPeers } from '../election/peers.ts';
import type { PeerService, RedisClock, SessionPeers } from '../sessions/index.ts';
import { createPeerClient, ELECTION_PATH } from './client.ts';
import { createPeerDirectory, hostAt } from './directory.ts';
import { decodeAnswer, decodeAsk } from './election-messages.ts';
import { type PeerKey, watchPeerKey } from './key.ts';
import { createPeerHandler, type PeerHandler, sessionAnswers } from './server.ts';
import { createSessionPeers } from './session-peers.ts';

export { createMemoryPeers } from './memory-peers.ts';
export type { PeerHandler };

/** Where sidecars answer each other: everything below it. */
export const PEER_PREFIX = '/peer/';

/** The other sidecars of this cluster: to ask them, and to answer them. */
export interface Peers {
  readonly sessions: SessionPeers;
  /** Undefined where the settings want no promises. */
  readonly election: SidecarElectionPeers | undefined;
  /** What answers them on the pod's address, about sessions with `service`; undefined where they need no network. */
  handler(service: PeerService | undefined): PeerHandler | undefined;
  close(): void;
}

export interface PeersOptions {
  settings: Pick<
    SidecarSettings,
    'peersHost' | 'peerKeyFile' | 'podIp' | 'podPort' | 'nodeName' | 'promiseMs'
  >;
  clock: RedisClock;
  log: Logger;
  registry: Registry;
}

/** Undefined where the settings name none.
 *  @throws SettingsError when only half of what it takes is set, or the key cannot be read. */
export function openPeers({ settings, clock, log, registry }: PeersOptions): Peers | undefined {
  const { peersHost: host, peerKeyFile, podIp, podPort, nodeName: node, promiseMs } = settings;
  if (host === undefined && peerKeyFile === undefined) return undefined;
  if (host === undefined || peerKeyFile === undefined) {
    throw new SettingsError([
      'HYPERPAGE_PEERS_HOST and HYPERPAGE_PEER_KEY_FILE belong together; set both, or none of them',
    ]);
  }
  const key = readKey(peerKeyFile, clock);
  const directory = createPeerDirectory({ host, port: podPort, ownIp: podIp, clock, log });
  const client = createPeerClient(key);
  const beatMs = beatMsOf(promiseMs);
  // Connections of its own: leadership waits behind no session.
  const electionClient = createPeerClient(key, 2 * beatMs);
  let answer: ((ask: Ask) => Answer) | undefined;
  const election: SidecarElectionPeers = {
    host: hostAt(podIp, podPort),
    node,
    promiseMs,
    beatMs,
    follow: directory.follow,
    answerWith: (by) => {
      answer = by;
    },
    ask: (address, ask) =>
      electionClient
        .send(address, ELECTION_PATH, JSON.stringify(ask))
        .then(decodeAnswer)
        .catch(() => undefined),
  };
  return {
    sessions: createSessionPeers({ clock, others: directory.others, ask: client.ask }),
    election: promiseMs > 0 ? election : undefined,
    handler: (service) =>
      createPeerHandler(
        {
          ...(service ? sessionAnswers(service) : {}),
          [ELECTION_PATH]: async (text) => answer && JSON.stringify(answer(decodeAsk(text))),
        },
        { key, log, registry },
      ),
    close() {
      directory.close();
      client.close();
      electionClient.close();
    },
  };
}

function readKey(file: string, clock: Clock): PeerKey {
  try {
    return watchPeerKey(file, clock);
  } catch (error) {
    throw new SettingsError([
      `HYPERPAGE_PEER_KEY_FILE is ${file}, and no key can be read there: ${(error as Error).message}`,
    ]);
  }
}
