import { createHash } from 'node:crypto';
import type { Redis, RedisOptions } from 'ioredis';
import { connected, dial, endpoint, tlsOf, withPassword } from './dial.ts';
import {
  readAccepted,
  readClients,
  readInfo,
  readSentinelMaster,
  readSentinelReplicas,
  readSettings,
  WATCHES_NOTHING,
} from './info.ts';
import type { CredentialReading, NodeReading, RedisProbe, RedisQuestions, SentinelReading } from './types.ts';

/** A probe that keeps one connection to each Redis it reads, and drops it at the first error. */
export function createRedisProbe(): RedisProbe {
  const open = new Map<string, { client: Redis; credentials: string; ready: Promise<void> }>();

  const connect = async (id: string, options: RedisOptions, url?: string): Promise<Redis> => {
    const credentials = JSON.stringify([options.password, options.tls?.ca, url]);
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
    node: (address, credentials, questions) =>
      withPassword(credentials, (each) =>
        ask(address, endpoint(address, each), (client) => readNode(client, questions)),
      ),
    sentinel: (address, credentials, primaryName, questions) =>
      withPassword(credentials, (each) =>
        ask(address, endpoint(address, each), (client) => readSentinel(client, primaryName, questions)),
      ),
    external: (url, credentials) =>
      ask(
        url,
        tlsOf(credentials),
        async (client) => ({ ...readInfo(await client.info()), settings: {}, credentials: NO_CREDENTIALS }),
        url,
      ),
    close: () => {
      for (const { client } of open.values()) client.disconnect();
      open.clear();
    },
  };
}

const USABLE: ReadonlySet<string> = new Set(['connecting', 'connect', 'ready']);
const NO_CREDENTIALS: CredentialReading = { accepts: [], uses: '' };

const MIN_REPLICAS = 'min-replicas-to-write';

/** Everything in one round trip. */
async function readNode(client: Redis, { settings, clients }: RedisQuestions): Promise<NodeReading> {
  const [info, config, user, list] = await Promise.all([
    client.info(),
    client.call('CONFIG', 'GET', 'masterauth', MIN_REPLICAS, ...settings),
    client.call('ACL', 'GETUSER', 'default'),
    clients ? client.call('CLIENT', 'LIST') : undefined,
  ]);
  const { masterauth = '', ...asked } = readSettings(config);
  return {
    ...readInfo(info, Number(asked[MIN_REPLICAS])),
    settings: asked,
    credentials: { accepts: readAccepted(user), uses: digestOf(masterauth) },
    ...(list === undefined ? {} : { clients: readClients(list as string) }),
  };
}

async function readSentinel(
  client: Redis,
  primaryName: string,
  { clients }: RedisQuestions,
): Promise<SentinelReading> {
  const [master, replicas, config, user, list] = await Promise.all([
    unlessNone(client.call('SENTINEL', 'MASTER', primaryName), readSentinelMaster, WATCHES_NOTHING),
    unlessNone(client.call('SENTINEL', 'REPLICAS', primaryName), readSentinelReplicas, []),
    client.call('SENTINEL', 'CONFIG', 'GET', 'sentinel-pass'),
    client.call('ACL', 'GETUSER', 'default'),
    clients ? client.call('CLIENT', 'LIST') : undefined,
  ]);
  const { 'sentinel-pass': uses = '' } = readSettings(config);
  return {
    ...master,
    replicas,
    credentials: { accepts: readAccepted(user), uses: digestOf(uses) },
    ...(list === undefined ? {} : { clients: readClients(list as string) }),
  };
}

/** What `read` makes of the answer, or `none` when the Sentinel watches nothing. */
async function unlessNone<T>(answer: Promise<unknown>, read: (answer: unknown) => T, none: T): Promise<T> {
  try {
    return read(await answer);
  } catch (error) {
    if (/no such master/i.test(String(error))) return none;
    throw error;
  }
}

/** What stands for a password where it can be seen: as Redis's ACL shows it. */
export const digestOf = (password: string): string =>
  createHash('sha256').update(password, 'utf8').digest('hex');
