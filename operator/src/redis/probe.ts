import { Redis, type RedisOptions } from 'ioredis';
import { readInfo, readSentinelMaster } from './info.ts';
import type { Credentials, RedisOrders, RedisProbe } from './types.ts';

const PATIENCE_MS = 1000;

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

/** A probe that keeps one connection to each Redis it reads, and drops it at the first error. */
export function createRedisProbe(): RedisProbe {
  const open = new Map<string, { client: Redis; credentials: string; ready: Promise<void> }>();

  const connect = async (id: string, options: RedisOptions, url?: string): Promise<Redis> => {
    const credentials = `${options.password ?? ''} ${url ?? ''}`;
    const known = open.get(id);
    if (known?.credentials === credentials && USABLE.has(known.client.status)) {
      await known.ready;
      return known.client;
    }
    known?.client.disconnect();
    const client = dial(options, url);
    const ready = connected(client);
    open.set(id, { client, credentials, ready });
    await ready;
    return client;
  };

  const ask = async <T>(
    id: string,
    options: RedisOptions,
    question: (client: Redis) => Promise<T>,
    url?: string,
  ) => {
    try {
      return await question(await connect(id, options, url));
    } catch (error) {
      open.get(id)?.client.disconnect();
      open.delete(id);
      throw error;
    }
  };

  return {
    node: (address, credentials) =>
      ask(address, endpoint(address, credentials), async (client) => readInfo(await client.info())),
    sentinel: (address, credentials, primaryName) =>
      ask(address, endpoint(address, credentials), async (client) => {
        try {
          const answer = await client.call('SENTINEL', 'MASTER', primaryName);
          return readSentinelMaster(answer as string[]);
        } catch (error) {
          if (/no such master/i.test(String(error)))
            return { knows: 0, failingOver: false, primaryDown: false };
          throw error;
        }
      }),
    external: (url) => ask(url, {}, async (client) => readInfo(await client.info()), url),
    close: () => {
      for (const { client } of open.values()) client.disconnect();
      open.clear();
    },
  };
}

const USABLE: ReadonlySet<string> = new Set(['connecting', 'connect', 'ready']);

/** Connects. @throws Error with what the connection itself met: the rejected promise only says that it is closed. */
async function connected(client: Redis): Promise<void> {
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

/** Sends orders over a connection of their own. */
export const sendRedisOrders: RedisOrders = async (address, credentials, commands, tolerated) => {
  const client = dial({ ...endpoint(address, credentials), commandTimeout: 5000 });
  try {
    await connected(client);
    const answers = await Promise.allSettled(
      commands.map(([command, ...words]) => client.call(command ?? '', ...words)),
    );
    for (const answer of answers) {
      if (answer.status === 'rejected' && !tolerated?.test(String(answer.reason))) throw plain(answer.reason);
    }
  } finally {
    client.disconnect();
  }
};

/** An ioredis error carries its command with all words, passwords among them: only its message may go on. */
const plain = (error: unknown) => new Error(error instanceof Error ? error.message : String(error));

const endpoint = (address: string, { password }: Credentials): RedisOptions => {
  const colon = address.lastIndexOf(':');
  return {
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    ...(password === undefined ? {} : { password }),
  };
};

function dial(options: RedisOptions, url?: string): Redis {
  const all = { ...IMPATIENT, ...options } as RedisOptions & { replyMapping?: never };
  const client = url === undefined ? new Redis(all) : new Redis(url, all);
  // Errors come back with the call that met them; the event would only end the process.
  client.on('error', () => {});
  return client;
}
