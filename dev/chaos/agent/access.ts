import { readFileSync } from 'node:fs';
import type { Address } from './connection.ts';

/** How this pod reaches Redis: what the operator told the sidecar beside which the agent runs. */
export interface Access {
  /** Where the Sentinels are, by name; empty where there are none. */
  sentinels: readonly Address[];
  /** The Sentinels' name of the primary. */
  primaryName: string;
  /** The one Redis, where there are no Sentinels. */
  redis?: Address;
  /** Name in Redis's certificate. */
  serverName?: string;
  /** Replicas that must confirm a session write before the sidecar acknowledges it. */
  replicas: number;
  /** The password and the certificate's authority as they are now: both may be renewed while we run. */
  read(): { password?: string; ca?: string };
}

/** Reads the sidecar's settings. @throws Error when they name no Redis. */
export function accessOf(env: NodeJS.ProcessEnv): Access {
  const url = env['REDIS_URL'] ? new URL(env['REDIS_URL']) : undefined;
  const sentinels = (env['HYPERPAGE_REDIS_SENTINELS'] ?? '').split(',').filter(Boolean).map(addressOf);
  if (!url && sentinels.length === 0) throw new Error('The sidecar of this pod has no Redis.');
  const passwordFile = env['HYPERPAGE_REDIS_PASSWORD_FILE'];
  const caFile = env['HYPERPAGE_REDIS_CA_FILE'];
  const serverName = env['HYPERPAGE_REDIS_TLS_SERVER_NAME'];
  // Synchronously: where the name service hangs, its questions hold Node's threads, and files are read by those.
  const text = (file: string) => readFileSync(file, 'utf8');
  return {
    sentinels,
    primaryName: env['HYPERPAGE_REDIS_MASTER_NAME'] ?? '',
    ...(url ? { redis: { host: url.hostname, port: Number(url.port || 6379) } } : {}),
    ...(serverName ? { serverName } : {}),
    replicas: Number(env['HYPERPAGE_SESSION_REPLICAS'] ?? 0),
    read: () => {
      const password = passwordFile ? text(passwordFile).trim() : decodeURIComponent(url?.password ?? '');
      return { ...(password ? { password } : {}), ...(caFile ? { ca: text(caFile) } : {}) };
    },
  };
}

function addressOf(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}
