import { checkServerIdentity } from 'node:tls';
import { Redis, type RedisOptions } from 'ioredis';
import { hostAndPort } from './address.ts';
import type { Credentials } from './types.ts';

export const PATIENCE_MS = 1000;

/** A connection that says at once what is wrong: no queue, no retries, no second address. */
const IMPATIENT: RedisOptions = {
  lazyConnect: true,
  connectTimeout: PATIENCE_MS,
  commandTimeout: PATIENCE_MS,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  enableReadyCheck: false,
  autoResendUnfulfilledCommands: false,
  retryStrategy: () => null,
  connectionName: 'hyperpage-operator',
};

/** A client that is not connected yet. Its `error` events are of no interest: errors come back with the call that met
 *  them. */
export function dial(options: RedisOptions, url?: string): Redis {
  const all = { ...IMPATIENT, ...options } as RedisOptions & { replyMapping?: never };
  const client = url === undefined ? new Redis(all) : new Redis(url, all);
  client.on('error', () => {});
  // ioredis listens for one error of a stream; over TLS a second one may follow, and would end the process.
  client.on('connect', () => client.stream?.on('error', () => {}));
  return client;
}

/** Connects. @throws Error with what the connection itself met: the rejected promise only says that it is closed. */
export async function connected(client: Redis): Promise<void> {
  let met: Error | undefined;
  const onError = (error: Error) => {
    met = error;
  };
  client.on('error', onError);
  try {
    await client.connect();
  } catch (error) {
    throw met ? plain(met) : error;
  } finally {
    client.off('error', onError);
  }
}

/** An ioredis error carries its command with all words, passwords among them: only its message may go on. */
export const plain = (error: unknown) => new Error(error instanceof Error ? error.message : String(error));

/** Options for `address` (`ip:port`). */
export const endpoint = (address: string, credentials: Credentials): RedisOptions => {
  const [host, port] = hostAndPort(address);
  const { password } = credentials;
  return {
    host,
    port: Number(port),
    ...(password === undefined ? {} : { password }),
    ...tlsOf(credentials),
  };
};

/** Connections go to addresses, and the certificate is for a name. */
export const tlsOf = ({ tls }: Credentials): RedisOptions => {
  if (!tls) return {};
  const { ca, serverName } = tls;
  if (serverName === undefined) return { tls: { ca } };
  return {
    tls: {
      ca,
      servername: serverName,
      checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
    },
  };
};

/** Tries `attempt` with the password in use and, where that is refused, with the others that may be right while it is
 *  rotated. */
export async function withPassword<T>(
  credentials: Credentials,
  attempt: (credentials: Credentials) => Promise<T>,
): Promise<T> {
  const { others = [], ...first } = credentials;
  try {
    return await attempt(first);
  } catch (error) {
    if (!REFUSED.test(String(error))) throw error;
    for (const password of others) {
      try {
        return await attempt({ ...first, password });
      } catch (next) {
        if (!REFUSED.test(String(next))) throw next;
      }
    }
    throw error;
  }
}

const REFUSED = /WRONGPASS|NOAUTH/;
