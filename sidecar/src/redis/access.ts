import type { Clock, Logger } from '@hyperpage/runtime';
import { type CredentialWatch, watchCredentials } from './credentials.ts';
import type { RedisTarget } from './options.ts';
import { type TlsSource, tlsSource } from './tls.ts';

/** What makes servers let this process in, and what makes it trust them. One for all connections. */
export interface Access {
  readonly credentials: CredentialWatch;
  /** Undefined: connections are not encrypted. */
  readonly tls: TlsSource | undefined;
}

/** @throws SettingsError naming the file that `target` names and that cannot be read. */
export function openAccess(target: RedisTarget, { clock, log }: { clock: Clock; log: Logger }): Access {
  const tls = target.tls && tlsSource(target.tls);
  return { credentials: watchCredentials(target.passwordFile, { clock, log }), tls };
}
