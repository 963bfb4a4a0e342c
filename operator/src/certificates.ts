import { X509Certificate } from 'node:crypto';
import { type HyperpageCluster, redisTlsName } from '@hyperpage/contract';
import type { SecretReader } from './secrets.ts';

/** The certificates that the spec names, as far as the operator needs them. */
export type Certificates =
  /** No TLS, or (mode External) the system's own authorities. */
  | { kind: 'none' }
  | {
      kind: 'present';
      ca: string;
      /** What is wrong with the server's certificate, for people; absent when nothing is. */
      problem?: string;
      /** When it expires, in milliseconds since the epoch; absent in mode External. */
      expiresAtMs?: number;
    }
  /** `problem` completes "the Secret …". */
  | { kind: 'missing'; problem: string };

/** Reads the certificates of `cluster`. @throws KubeError when the API server does not answer. */
export async function readCertificates(
  cluster: HyperpageCluster,
  secrets: SecretReader,
): Promise<Certificates> {
  const { tls, mode } = cluster.spec.redis;
  const { namespace, name } = cluster.metadata;
  if (!tls) return { kind: 'none' };
  const read = (key: string) => secrets.read(namespace, { name: tls.secretName, key });
  const ca = await read('ca.crt');
  if (ca.kind === 'missing') return ca;
  if (mode === 'External') return { kind: 'present', ca: ca.value };
  const [certificate, key] = [await read('tls.crt'), await read('tls.key')];
  if (certificate.kind === 'missing') return certificate;
  if (key.kind === 'missing') return key;
  return { kind: 'present', ca: ca.value, ...judged(certificate.value, redisTlsName(name, namespace)) };
}

/** Days before its end at which a certificate is worth a warning. */
export const EXPIRY_WARNING_DAYS = 7;

function judged(pem: string, name: string): { problem?: string; expiresAtMs?: number } {
  try {
    const certificate = new X509Certificate(pem);
    const expiresAtMs = Date.parse(certificate.validTo);
    if (certificate.checkHost(name)) return { expiresAtMs };
    return { expiresAtMs, problem: `holds a certificate that does not name ${name}: make one that does` };
  } catch {
    return { problem: 'holds no certificate in tls.crt: write one in PEM' };
  }
}
