import type { IncomingMessage, ServerResponse } from 'node:http';
import { Counter, type Logger, type Registry } from '@hyperpage/runtime';
import type { PeerService, PeerWord } from '../sessions/index.ts';
import { answerTo, PEER_PATH, requestTo } from './client.ts';
import type { PeerKey } from './key.ts';
import { decodeRequest, encodeWord, type PeerRequest } from './messages.ts';
import { seal, sealOf } from './seal.ts';

export type PeerHandler = (req: IncomingMessage, res: ServerResponse) => void;

const MOST_BYTES = 512 * 1024;

/** Undefined: there is no room. */
export const answerPeer = (service: PeerService, question: PeerRequest): Promise<PeerWord | undefined> =>
  question.do === 'hold' ? service.hold(question.sessionId, question.held) : service.read(question.sessionId);

export interface PeerHandlerOptions {
  key: PeerKey;
  log: Logger;
  registry: Registry;
}

/** What is answered, by path: text for text, undefined where there is no room. */
export type PeerAnswers = Readonly<
  Record<string, ((text: string) => Promise<string | undefined>) | undefined>
>;

export const sessionAnswers = (service: PeerService): PeerAnswers => ({
  [PEER_PATH]: async (text) => {
    const word = await answerPeer(service, decodeRequest(text));
    return word && encodeWord(word);
  },
});

/** Answers other sidecars of this cluster. Whoever lacks the key learns nothing and changes nothing. */
export function createPeerHandler(
  answers: PeerAnswers,
  { key, log, registry }: PeerHandlerOptions,
): PeerHandler {
  const requests = new Counter<'outcome'>({
    name: 'hyperpage_peer_requests_total',
    help: 'Requests of other sidecars: done, refused (not sealed with our key), full, failed.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const end = (res: ServerResponse, status: number, outcome: string, body?: Buffer) => {
    requests.inc({ outcome });
    res.writeHead(status, body ? { 'content-type': 'application/octet-stream' } : { connection: 'close' });
    res.end(body);
  };
  const answer = async (req: IncomingMessage, res: ServerResponse) => {
    const path = req.url ?? '';
    const answerOf = answers[path];
    if (!answerOf) return end(res, 404, 'refused');
    if (req.method !== 'POST') return end(res, 405, 'refused');
    const sealed = await bodyOf(req);
    if (!sealed) return end(res, 413, 'refused');
    let text: string;
    try {
      text = key.open(sealed, requestTo(path));
    } catch {
      return end(res, 403, 'refused');
    }
    const word = await answerOf(text);
    if (word === undefined) return end(res, 507, 'full');
    end(res, 200, 'done', seal(key.current(), word, answerTo(sealOf(sealed))));
  };
  return (req, res) => {
    answer(req, res).catch((error: unknown) => {
      log.warn({ reason: (error as Error).message }, 'a request of another sidecar failed');
      if (!res.headersSent) end(res, 500, 'failed');
    });
  };
}

/** Undefined when it is too long. */
async function bodyOf(req: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
