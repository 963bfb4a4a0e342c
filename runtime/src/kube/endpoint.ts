import { readFile } from 'node:fs/promises';
import type { AgentOptions } from 'node:https';

/** Where the API server is and who we are to it. */
export interface KubeEndpoint {
  /** `https://host:port`, or `http://` in tests. */
  server: string;
  tls?: Pick<AgentOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;
  /** Gives the bearer token for each request; a mounted token is rotated by kubelet. */
  token?: () => Promise<string | undefined>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN_AGE_MS = 60_000;

/** The endpoint a pod finds in its environment and its ServiceAccount's volume.
 *  @throws Error saying what is missing when the process is not in a pod. */
export async function inClusterEndpoint(
  env: Readonly<Record<string, string | undefined>>,
): Promise<KubeEndpoint> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw new Error('not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set');
  }
  const ca = await readFile(`${SERVICE_ACCOUNT}/ca.crt`);
  let token: string | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    tls: { ca },
    token: async () => {
      if (performance.now() - readAt > TOKEN_AGE_MS) {
        token = (await readFile(`${SERVICE_ACCOUNT}/token`, 'utf8')).trim();
        readAt = performance.now();
      }
      return token;
    },
  };
}
