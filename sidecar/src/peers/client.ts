import { Agent, request } from 'node:http';
import type { PeerWord } from '../sessions/index.ts';
import type { PeerKey } from './key.ts';
import { decodeWord, encodeRequest, type PeerRequest } from './messages.ts';
import { seal, sealOf } from './seal.ts';

/** Where a sidecar answers others. */
export const PEER_PATH = '/peer/v1/sessions';
export const REQUEST = 'request';
/** What an answer is bound to. */
export const answerTo = (nonce: string) => `answer to ${nonce}`;

/** Long beside an answer from the same network, short beside a user's patience. */
const PATIENCE_MS = 500;
const MOST_ANSWER_BYTES = 512 * 1024;

export interface PeerClient {
  /** @throws Error when it does not answer in time, refuses, or its answer is not one of this cluster. */
  ask(address: string, question: PeerRequest): Promise<PeerWord>;
  close(): void;
}

export function createPeerClient(key: PeerKey): PeerClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 32, maxFreeSockets: 4, timeout: 30_000 });
  const send = (address: string, body: Buffer) =>
    new Promise<Buffer>((resolve, reject) => {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const headers = { 'content-type': 'application/octet-stream', 'content-length': body.length };
      const sent = request(
        `http://${address}${PEER_PATH}`,
        { method: 'POST', agent, signal, headers },
        (answer) => {
          const chunks: Buffer[] = [];
          let length = 0;
          answer.on('data', (chunk: Buffer) => {
            length += chunk.length;
            if (length > MOST_ANSWER_BYTES) sent.destroy(new Error('the answer is too long'));
            else chunks.push(chunk);
          });
          answer.on('end', () => {
            if (answer.statusCode === 200) resolve(Buffer.concat(chunks));
            else reject(new Error(`it answers ${answer.statusCode}`));
          });
          answer.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  return {
    async ask(address, question) {
      const body = seal(key.current(), encodeRequest(question), REQUEST);
      return decodeWord(key.open(await send(address, body), answerTo(sealOf(body))));
    },
    close: () => agent.destroy(),
  };
}
