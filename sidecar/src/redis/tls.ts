import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createConnection, isIP, type LookupFunction, type Socket } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { SettingsError } from '@hyperpage/runtime';

/** How servers prove who they are. */
export interface TlsTarget {
  /** File with the certificates of the authorities to trust; without it those that Node.js trusts. */
  caFile?: string;
  /** The name that a server's certificate must hold, whatever address the connection goes to; without it the host. */
  serverName?: string;
}

/** Options of the next connection. */
export type TlsSource = () => ConnectionOptions;

/** Options for each connection anew, so that the file of authorities can be rotated. While it cannot be read, or holds no
 *  certificate, it counts as it was.
 *  @throws SettingsError when that is so at the start. */
export function tlsSource({ caFile, serverName }: TlsTarget): TlsSource {
  const common: ConnectionOptions = {
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    rejectUnauthorized: true,
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
  if (caFile === undefined) return () => common;
  let ca = firstOf(caFile);
  return () => {
    try {
      ca = readAuthorities(caFile);
    } catch {
      // Gone, or half-written: it is read again at the next connection.
    }
    return { ...common, ca };
  };
}

/** @throws Error when the file cannot be read or holds no certificate. */
function readAuthorities(caFile: string): string {
  const pem = readFileSync(caFile, 'utf8');
  // node:tls would take a text without a certificate for a list of none, and then trust nobody.
  new X509Certificate(pem);
  return pem;
}

function firstOf(caFile: string): string {
  try {
    return readAuthorities(caFile);
  } catch {
    const reason = existsSync(caFile) ? 'no certificate can be read in it' : 'there is no such file';
    const problem =
      `HYPERPAGE_REDIS_CA_FILE is ${JSON.stringify(caFile)}, which cannot be used (${reason}); ` +
      'it wants a PEM file with the certificates to trust: mount ca.crt of the Secret with the certificate of Redis there';
    throw new SettingsError([problem]);
  }
}

/** The name to ask for and to verify at `host`: TLS has none for an address, which is verified as an address. */
export const serverNameOf = (host: string): string | undefined =>
  isIP(host.replace(/^\[|\]$/g, '')) > 0 ? undefined : host;

/** A connection under way to `address`, encrypted where `tls` is given. */
export const openStream = (
  address: { host: string; port: number; lookup?: LookupFunction },
  tls: TlsSource | undefined,
): Socket => (tls === undefined ? createConnection(address) : connect({ ...address, ...tls() }));
