import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { CLIENT_IP_HEADER, SESSION_COOKIE } from '@hyperpage/contract';
import { ProblemError } from './problem.ts';

/** What a request says about the user behind it. */

const IP_HEADER = CLIENT_IP_HEADER.toLowerCase();

/** The user's address as the app passes it on; undefined when it does not: then the app asks for itself.
 *  @throws ProblemError 400 when the app passes on something else. */
export function clientAddressOf(req: IncomingMessage): string | undefined {
  const given = req.headers[IP_HEADER];
  if (given !== undefined && (typeof given !== 'string' || isIP(given) === 0)) {
    throw new ProblemError('bad-request', `The header ${CLIENT_IP_HEADER} wants one IP address.`, {
      field: CLIENT_IP_HEADER,
    });
  }
  return given;
}

/** Who a new session is for. The sidecar itself only ever sees localhost. @throws ProblemError 400 */
export const clientOf = (req: IncomingMessage): { ipAddress: string; userAgent: string } => ({
  ipAddress: clientAddressOf(req) ?? req.socket.remoteAddress ?? '',
  userAgent: (req.headers['user-agent'] ?? '').slice(0, 512),
});

/** The session id in the cookie; undefined when there is none. */
export function sessionCookieOf(req: IncomingMessage): string | undefined {
  for (const pair of req.headers.cookie?.split(';') ?? []) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === SESSION_COOKIE && value && value.length <= 128) return value;
  }
  return undefined;
}

/** `Set-Cookie` for `sessionId`; '' takes the cookie back. */
export const sessionCookie = (sessionId: string, secure: boolean) =>
  `${SESSION_COOKIE}=${sessionId}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}${sessionId === '' ? '; Max-Age=0' : ''}`;

/** The version that `If-Match` asks for; undefined when any will do.
 *  @throws ProblemError 400 when it is no ETag of ours. */
export function ifMatchOf(req: IncomingMessage): number | undefined {
  const given = req.headers['if-match'];
  if (given === undefined || given === '*') return undefined;
  const version = /^"(\d{1,15})"$/.exec(given)?.[1];
  if (version === undefined) {
    throw new ProblemError(
      'bad-request',
      'If-Match wants one ETag as an answer gave it, such as "3", or *.',
      {
        field: 'If-Match',
      },
    );
  }
  return Number(version);
}
