import { readFile } from 'node:fs/promises';
import type { Certificate } from './certificates.ts';
import { type MountedSecret, mountSecret } from './mounted-secret.ts';

/** What the Secret holds that the Redis pods mount. */
export interface MountedCredentials {
  password: string;
  accepted: readonly string[];
  generation: number;
}

/** What is mounted into one pod; `certificates` is empty without TLS. */
export interface PodMounts {
  readonly secret: MountedSecret;
  readonly certificates: MountedSecret;
}

export const mountAll = async (
  credentials: MountedCredentials,
  certificate: Certificate | undefined,
): Promise<PodMounts> => ({
  secret: await mountSecret(secretFiles(credentials)),
  certificates: await mountSecret(certificate ? await certificateFiles(certificate) : {}),
});

/** The files of the credentials' Secret. */
export const secretFiles = ({ password, accepted, generation }: MountedCredentials) => ({
  password,
  accepted: accepted.join('\n'),
  generation: String(generation),
});

/** The files of a certificate's Secret. */
export const certificateFiles = async ({ certFile, keyFile, ca }: Certificate) => ({
  'tls.crt': await readFile(certFile, 'utf8'),
  'tls.key': await readFile(keyFile, 'utf8'),
  'ca.crt': ca,
});
