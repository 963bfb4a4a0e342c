import { backoffMs, type Clock, sleep } from '@hyperpage/runtime';
import { Command, type Redis } from 'ioredis';
import type { Access } from './access.ts';
import { type Credentials, connectionName } from './credentials.ts';

/** Longer than what may stand before it in the connection's queue, a WAIT of a second. */
const PATIENCE_MS = 2500;
const RETRY = { baseMs: 1000, maxMs: 10_000 };

export interface Authentication {
  /** Takes what the files say now for the next connection. Only while there is none, and none is being made. */
  offer(): void;
  stop(): void;
}

/** Keeps `client` on the credentials that the files tell: a connection begins with them, and one that is open when they
 *  change gives the new ones in place (AUTH, then its new name), between the commands that are under way. It is not
 *  closed for it: nobody waits, and a subscriber misses nothing. What is refused is tried again until it is accepted, and
 *  the connection stays meanwhile: servers and sidecars learn of a change at times of their own. */
export function keepAuthenticated(
  client: Redis,
  role: string,
  { access, clock, random }: { access: Access; clock: Clock; random: () => number },
): Authentication {
  const { credentials, tls } = access;
  let offered = credentials.current();
  let renewing = false;
  let stopped = false;

  const offer = () => {
    offered = credentials.reread();
    const { password } = offered;
    Object.assign(client.options, {
      connectionName: connectionName(role, offered),
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { tls: tls() }),
    });
  };
  const outdated = () => !stopped && client.status === 'ready' && offered !== credentials.current();
  const renew = async () => {
    if (renewing) return;
    renewing = true;
    for (let attempt = 0; outdated(); attempt++) {
      const next = credentials.current();
      try {
        await authenticate(client, role, next, clock);
        offered = next;
      } catch (error) {
        // Closed meanwhile: the connection that comes next begins with them.
        if (!outdated()) break;
        credentials.refused(next, error instanceof Error ? error.message : String(error));
        await sleep(clock, backoffMs(attempt, RETRY, random));
      }
    }
    renewing = false;
  };

  client.on('close', () => stopped || offer());
  client.on('ready', () => void renew());
  const forget = credentials.onChange(() => {
    if (client.status === 'ready') void renew();
    // One that is being made must not get the new name with the old password: it renews when it is ready.
    else if (client.status !== 'connecting' && client.status !== 'connect') offer();
  });
  offer();
  return {
    offer,
    stop() {
      stopped = true;
      forget();
    },
  };
}

async function authenticate(client: Redis, role: string, next: Credentials, clock: Clock): Promise<void> {
  if (client.mode === 'subscriber') return replace(client, role, next, clock);
  const { password } = next;
  if (password !== undefined) await send(client, 'AUTH', [client.options.username ?? 'default', password]);
  // As in ioredis's handshake: a service that knows no names of connections is no less usable for it.
  await send(client, 'CLIENT', ['SETNAME', connectionName(role, next)]).catch(() => {});
}

async function send(client: Redis, name: string, args: string[]): Promise<void> {
  // As a Command it goes out by itself: no automatic pipeline, in which it would wait for the one before.
  const command = new Command(name, args, { replyEncoding: 'utf8' });
  command.setTimeout(PATIENCE_MS);
  await client.sendCommand(command);
}

/** A subscriber of a server that speaks only RESP2 can say nothing but what it subscribes. A connection beside it finds
 *  out whether the credentials are accepted; then it is made anew, and what it missed is caught up with. */
async function replace(client: Redis, role: string, next: Credentials, clock: Clock): Promise<void> {
  const { password } = next;
  const beside = client.duplicate({
    connectionName: connectionName(role, next),
    lazyConnect: true,
    retryStrategy: () => null,
    ...(password === undefined ? {} : { password }),
  });
  // Where sentinels name no primary it would go on asking.
  const late = clock.after(PATIENCE_MS, () => beside.disconnect());
  let reason: unknown;
  beside.on('error', (error) => (reason ??= error));
  try {
    await beside.connect();
  } catch (error) {
    throw reason ?? error;
  } finally {
    late.cancel();
    beside.disconnect();
  }
  if (client.status === 'ready') client.disconnect(true);
}
