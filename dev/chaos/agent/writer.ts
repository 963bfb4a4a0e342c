import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import { RefusedReply } from './resp.ts';

export interface WriterOptions {
  key: string;
  /** Replicas that must confirm. */
  replicas: number;
  paceMs: number;
  /** False ends it. */
  wanted: () => boolean;
  connect: () => Promise<Connection>;
  /** Whether that primary is certain to be the primary. */
  vouchFor: (primary: string) => Promise<boolean>;
  acked: (n: number) => void;
  failed: (why: string) => void;
}

const WAIT_MS = 1_000;
/** Behind Redis's own time limit of WAIT. */
const ANSWER_MS = WAIT_MS + 500;
const RETRY_MS = 100;
/** A key of a run that nobody cleared away is gone after a day. */
const EXPIRE_SECONDS = 86_400;
const EXPIRE_EVERY = 1_000;

/** Writes one operation after another for as long as it is wanted. Operation n sets bit n of the string, and is
 *  acknowledged when enough replicas have it and the Sentinels vouch for the primary. A number is never used twice. */
export async function write(options: WriterOptions): Promise<void> {
  let connection: Connection | undefined;
  for (let n = 0; options.wanted(); n++) {
    try {
      connection = connection?.open ? connection : await options.connect();
      if (n % EXPIRE_EVERY === 1) await connection.call(['EXPIRE', options.key, EXPIRE_SECONDS]);
      await setBit(connection, options, n);
      options.acked(n);
      await sleep(options.paceMs);
    } catch (error) {
      // Whatever was refused, the primary may be another one by now: look again.
      connection?.close();
      options.failed(error instanceof RefusedReply ? error.code : (error as Error).message);
      await sleep(RETRY_MS);
    }
  }
}

async function setBit(
  connection: Connection,
  { key, replicas, vouchFor }: WriterOptions,
  n: number,
): Promise<void> {
  const written = connection.call(['SETBIT', key, n, 1], ANSWER_MS);
  if (replicas === 0) return void (await written);
  // Behind each other on one connection: WAIT speaks of this connection's last write.
  const confirmed = connection.call(['WAIT', replicas, WAIT_MS], ANSWER_MS);
  const [, count] = await Promise.all([written, confirmed]);
  if (typeof count !== 'number' || count < replicas) throw new Error('too few replicas confirmed');
  if (!(await vouchFor(connection.peer))) throw new Error('the Sentinels do not vouch for the primary');
}
