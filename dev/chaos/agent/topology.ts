import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Access } from './access.ts';
import { type Address, type Connection, openConnection } from './connection.ts';

export const REDIS_PORT = 6379;
const LOOKUP_MS = 1_000;
const KNOWN_LOOKUP_MS = 100;

/** Where the Redis are, by asking the Sentinels. It remembers where names led to: the name service may be what is
 *  broken. */
export class Topology {
  readonly #access: Access;
  readonly #ips = new Map<string, string>();
  readonly #asked = new Map<string, Promise<string>>();

  constructor(access: Access) {
    this.#access = access;
  }

  /** Addresses that Sentinels name as the primary's, most votes first. The votes of a minority are not thrown away: a
   *  writer that believes a cut-off Sentinel is just the one that must never be acknowledged. */
  async candidates(): Promise<Address[]> {
    if (this.#access.redis) return [this.#access.redis];
    const votes = new Map<string, { address: Address; count: number }>();
    await Promise.all(
      this.#access.sentinels.map(async (sentinel) => {
        const address = await this.#ask(sentinel).catch(() => undefined);
        if (!address) return;
        const key = `${address.host}:${address.port}`;
        votes.set(key, { address, count: (votes.get(key)?.count ?? 0) + 1 });
      }),
    );
    return [...votes.values()].sort((a, b) => b.count - a.count).map(({ address }) => address);
  }

  /** A connection to the first candidate that says it is a primary. */
  async primary(): Promise<Connection> {
    for (const address of await this.candidates()) {
      const connection = await openConnection(this.#access, address).catch(() => undefined);
      if (!connection) continue;
      const role = await connection.call(['ROLE']).catch(() => undefined);
      if (Array.isArray(role) && role[0] === 'master') return connection;
      connection.close();
    }
    throw new Error('no primary');
  }

  /** Every Redis that there may be: beside each Sentinel there is one. */
  async servers(): Promise<Address[]> {
    if (this.#access.redis) return [await this.#resolve(this.#access.redis)];
    const found = await Promise.allSettled(
      this.#access.sentinels.map(({ host }) => this.#resolve({ host, port: REDIS_PORT })),
    );
    return found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }

  /** A connection to the Sentinel of that name. */
  async sentinel(sentinel: Address): Promise<Connection> {
    return openConnection(this.#access, await this.#resolve(sentinel));
  }

  async #ask(sentinel: Address): Promise<Address | undefined> {
    const connection = await this.sentinel(sentinel);
    try {
      const answer = await connection.call(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.#access.primaryName]);
      return Array.isArray(answer) ? { host: String(answer[0]), port: Number(answer[1]) } : undefined;
    } finally {
      connection.close();
    }
  }

  /** Asks the name service, and does not wait long for it where it is known from before: it may be what is broken.
   *  One question for a name at a time, as each holds one of Node's four threads until it gives up. */
  async #resolve({ host, port }: Address): Promise<Address> {
    const known = this.#ips.get(host);
    const asked = this.#asked.get(host) ?? this.#lookUp(host);
    const waited = sleep(known ? KNOWN_LOOKUP_MS : LOOKUP_MS).then(() => known);
    const ip = await Promise.race([asked.catch(() => known), waited]);
    if (ip) return { host: ip, port };
    throw new Error(`${host}: no answer from DNS`);
  }

  #lookUp(host: string): Promise<string> {
    const asked = lookup(host)
      .then(({ address }) => {
        this.#ips.set(host, address);
        return address;
      })
      .finally(() => this.#asked.delete(host));
    this.#asked.set(host, asked);
    return asked;
  }
}
