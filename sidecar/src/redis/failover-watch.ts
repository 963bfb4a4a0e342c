import { backoffMs } from '@hyperpage/runtime';
import { Redis } from 'ioredis';
import { type RedisTarget, readPassword } from './options.ts';

const CHANNEL = '+switch-master';

export interface Address {
  host: string;
  port: number;
}

/** Listens to every sentinel, and calls `onSwitch` with the new primary's address when one of them says that the primary is another now: a primary that
 *  hangs or is cut off keeps its connections, and would be waited for. One connection to each sentinel for all of this
 *  process; ioredis's own detector makes as many for each of its clients, and writes to the console. Gives the way to
 *  stop. */
export function watchFailovers(
  target: RedisTarget,
  random: () => number,
  onSwitch: (primary: Address) => void,
): () => void {
  if (target.kind === 'url') return () => {};
  const clients = target.sentinels.map(({ host, port }) => {
    const client = new Redis({
      host,
      port,
      lazyConnect: true,
      connectionName: 'hyperpage-failovers',
      disableClientInfo: true,
      enableReadyCheck: false,
      autoResubscribe: false,
      connectTimeout: 2000,
      commandTimeout: 2000,
      keepAlive: 5000,
      retryStrategy: (times) => {
        refreshPassword();
        return backoffMs(times - 1, { baseMs: 100, maxMs: 5000 }, random);
      },
    });
    const refreshPassword = () => {
      const password = passwordOf(target);
      if (password !== undefined) Object.assign(client.options, { password });
    };
    refreshPassword();
    // A sentinel may be away: the others speak, and this one is tried again.
    client.on('error', () => {});
    client.on('ready', () => void client.subscribe(CHANNEL).catch(() => client.disconnect(true)));
    client.on('message', (_channel, text) => {
      // name, address and port of the old one, address and port of the new one
      const [name, , , host = '', port = ''] = text.split(' ');
      if (name === target.masterName) onSwitch({ host, port: Number(port) });
    });
    client.connect().catch(() => {});
    return client;
  });
  return () => {
    for (const client of clients) client.disconnect();
  };
}

function passwordOf(target: RedisTarget): string | undefined {
  try {
    return readPassword(target);
  } catch {
    return undefined;
  }
}
