import type { SidecarSettings } from '@hyperpage/contract';
import { type Clock, type Logger, type Registry, SettingsError } from '@hyperpage/runtime';
import type { PeerService, SessionPeers } from '../sessions/index.ts';
import { createPeerClient, PEER_PATH } from './client.ts';
import { createPeerDirectory } from './directory.ts';
import { type PeerKey, watchPeerKey } from './key.ts';
import { createPeerHandler, type PeerHandler } from './server.ts';
import { createSessionPeers } from './session-peers.ts';

export { createMemoryPeers } from './memory-peers.ts';
export { PEER_PATH, type PeerHandler };

/** The other sidecars of this cluster: to ask them, and to answer them. */
export interface Peers {
  readonly sessions: SessionPeers;
  /** What answers them on the pod's address with `service`; undefined where they need no network. */
  handler(service: PeerService): PeerHandler | undefined;
  close(): void;
}

export interface PeersOptions {
  settings: Pick<SidecarSettings, 'peersHost' | 'peerKeyFile' | 'podIp' | 'podPort'>;
  clock: Clock;
  log: Logger;
  registry: Registry;
}

/** Undefined where the settings name none.
 *  @throws SettingsError when only half of what it takes is set, or the key cannot be read. */
export function openPeers({ settings, clock, log, registry }: PeersOptions): Peers | undefined {
  const { peersHost: host, peerKeyFile, podIp, podPort } = settings;
  if (host === undefined && peerKeyFile === undefined) return undefined;
  if (host === undefined || peerKeyFile === undefined) {
    throw new SettingsError([
      'HYPERPAGE_PEERS_HOST and HYPERPAGE_PEER_KEY_FILE belong together; set both, or none of them',
    ]);
  }
  const key = readKey(peerKeyFile, clock);
  const directory = createPeerDirectory({ host, port: podPort, ownIp: podIp, clock, log });
  const client = createPeerClient(key);
  return {
    sessions: createSessionPeers({ clock, others: directory.others, ask: client.ask }),
    handler: (service) => createPeerHandler(service, { key, log, registry }),
    close() {
      directory.close();
      client.close();
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
