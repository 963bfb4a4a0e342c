import { KubeError, type KubeHttp } from '../kube/index.ts';
import type { Lease, LeasePort, WriteOutcome } from './lease.ts';

export interface KubeLeasesOptions {
  http: KubeHttp;
  namespace: string;
  name: string;
  /** Time allowed for one request. A leader needs room for a second try before its validity ends: at most a
   *  heartbeat. */
  requestTimeoutMs: number;
}

/** The Lease in Kubernetes. Needs the verbs get, create and update on it. */
export function createKubeLeases(options: KubeLeasesOptions): LeasePort {
  const { http, namespace, name, requestTimeoutMs: timeoutMs } = options;
  const all = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const write = async (method: 'POST' | 'PUT', path: string, lease: Lease): Promise<WriteOutcome> => {
    try {
      const body = { ...lease, apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
      const written = await http.request<Lease>({ method, path, body, timeoutMs });
      return { kind: 'written', lease: withoutManagedFields(written) };
    } catch (error) {
      return failedWrite(method, error);
    }
  };
  return {
    read: async () => {
      try {
        const lease = await http.request<Lease>({ method: 'GET', path: `${all}/${name}`, timeoutMs });
        return { kind: 'found', lease: withoutManagedFields(lease) };
      } catch (error) {
        if (error instanceof KubeError && error.status === 404) return { kind: 'missing' };
        return { kind: 'failed', error, ...retryAfter(error) };
      }
    },
    create: (lease) => write('POST', all, lease),
    // The API server would make a missing Lease on PUT. That the body carries the old object's uid prevents it.
    update: (lease) => write('PUT', `${all}/${name}`, lease),
  };
}

function failedWrite(method: 'POST' | 'PUT', error: unknown): WriteOutcome {
  const status = error instanceof KubeError ? error.status : 0;
  if (status === 409) return { kind: 'conflict' };
  if (status === 404 && method === 'PUT') return { kind: 'missing' };
  // Only a 4xx says that nothing was done; a 5xx may come from a proxy or after a time-out inside.
  return status >= 400 && status < 500
    ? { kind: 'refused', error, ...retryAfter(error) }
    : { kind: 'unknown', error };
}

const retryAfter = (error: unknown): { retryAfterMs?: number } =>
  error instanceof KubeError && error.retryAfterMs !== undefined ? { retryAfterMs: error.retryAfterMs } : {};

/** Who wrote which field: long, and not needed on the way back (the API server keeps what it has). */
const withoutManagedFields = (lease: Lease): Lease => {
  const { managedFields: _, ...metadata } = lease.metadata;
  return { ...lease, metadata };
};
