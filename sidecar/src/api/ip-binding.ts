import type { IncomingMessage } from 'node:http';
import { isIP, SocketAddress } from 'node:net';
import type { SessionData } from '@hyperpage/contract';
import { clientAddressOf } from './client.ts';
import type { ApiPorts } from './ports.ts';
import { ProblemError } from './problem.ts';
import { sessionProblem } from './session-problem.ts';

export type IpBinding = ReturnType<typeof ipBinding>;

/** Optional binding of a session to the address it was made for (spec, section 5): who has stolen its id cannot use it
 *  from elsewhere. Requests without a client's address are the app's own, which is trusted. */
export function ipBinding({ settings, sessions }: Pick<ApiPorts, 'settings' | 'sessions'>) {
  const isForeign = (session: SessionData, req: IncomingMessage): boolean => {
    if (!settings.sessionBindIp) return false;
    const address = clientAddressOf(req);
    const owner = session.metadata.ipAddress;
    return address !== undefined && binds(owner) && plainAddress(address) !== plainAddress(owner);
  };

  const requireOwner = (session: SessionData, req: IncomingMessage): void => {
    if (!isForeign(session, req)) return;
    throw new ProblemError(
      'session-bound',
      'The session was made for another IP address and is kept to it: GET /api/sessions without an id makes a new one.',
      { field: 'sessionId' },
    );
  };

  return {
    /** Whether the request comes from another address than the session's. @throws ProblemError 400 */
    isForeign,
    /** @throws ProblemError 403 when the request comes from another address than the session's. */
    requireOwner,
    /** The same before a write. The session is read first and not locked: its address never changes. */
    async requireOwnerOf(sessionId: string, req: IncomingMessage): Promise<void> {
      if (!settings.sessionBindIp || clientAddressOf(req) === undefined) return;
      const outcome = await sessions.read(sessionId);
      if (outcome.kind === 'ok') requireOwner(outcome.session, req);
      // Never unchecked. What else is wrong, the write itself will say.
      if (outcome.kind === 'unavailable') sessionProblem(outcome, sessionId);
    },
  };
}

/** A session that the app made for nobody, or for a user whom it did not name, is bound to no address. */
const binds = (address: string) => isIP(address) !== 0 && !/^(127\.|::1$)/.test(plainAddress(address));

/** One spelling for each address: `::ffff:192.0.2.1` is 192.0.2.1, and IPv6 has many ways to write zeros. */
function plainAddress(address: string): string {
  const [text = ''] = address.split('%');
  const plain = isIP(text) === 6 ? new SocketAddress({ address: text, family: 'ipv6' }).address : text;
  return plain.replace(/^::ffff:(?=[\d.]+$)/, '');
}
