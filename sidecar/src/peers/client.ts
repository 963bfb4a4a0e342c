import { Agent, request } from 'node:http';
import type { PeerWord } from '../sessions/index.ts';
import type { PeerKey } from './key.ts';
import { decodeWord, encodeRequest, type PeerRequest } from './messages.ts';
import { seal, sealOf } from './seal.ts';

/** Where a sidecar answers others about sessions, and about leadership. */
export const PEER_PATH = '/peer/v1/sessions';
export const ELECTION_PATH = '/peer/v1/election';
/** What a request is bound to: one about sessions is none about leadership. */
export const requestTo = (path: string) => (path === PEER_PATH ? 'request' : `request to ${path}`);
/** What an answer is bound to. */
export const answerTo = (nonce: string) => `answer to ${nonce}`;

/** Long beside an answer from the same network, short beside a user's patience. */
const PATIENCE_MS = 500;
const MOST_ANSWER_BYTES = 512 * 1024;

export interface PeerClient {
  /** @throws Error when it does not answer in time, refuses, or its answer is not one of this cluster. */
  ask(address: string, question: PeerRequest): Promise<PeerWord>;
  /** What the sidecar at `address` answers at `path`.
   *  @throws Error as `ask`. */
  send(address: string, path: string, text: string): Promise<string>;
  close(): void;
}

export function createPeerClient(key: PeerKey, patienceMs = PATIENCE_MS): PeerClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 32, maxFreeSockets: 4, timeout: 30_000 });
  const post = (address: string, path: string, body: Buffer) =>
    new Promise<Buffer>((resolve, reject) => {
      const signal = AbortSignal.timeout(patienceMs);
      const headers = { 'content-type': 'application/octet-stream', 'content-length': body.length };
      const sent = request(
        `http://${address}${path}`,
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
  const send = async (address: string, path: string, text: string) => {
    const body = seal(key.current(), text, requestTo(path));
    return key.open(await post(address, path, body), answerTo(sealOf(body)));
  };
  return {
    ask: async (address, question) => decodeWord(await send(address, PEER_PATH, encodeRequest(question))),
    send,
    close: () => agent.destroy(),
  };
}
