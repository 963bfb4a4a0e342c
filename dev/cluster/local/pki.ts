import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ClusterLayout } from './layout.ts';
import {
  type Authority,
  type CertificateRequest,
  createAuthority,
  issue,
  type KeyAndCertificate,
} from './x509.ts';

const VALID_DAYS = 365;

/** Writes the cluster's keys, certificates and kubeconfigs, unless it has them: authorities of its own each time, so
 *  that a kubeconfig of an earlier cluster opens nothing. */
export async function writeCredentials(layout: ClusterLayout, now: Date): Promise<void> {
  const exists = await access(layout.pki).then(
    () => true,
    () => false,
  );
  if (!exists) {
    // Complete or absent: an interrupted start must not leave half of it.
    const staging = `${layout.pki}.new`;
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { recursive: true, mode: 0o700 });
    for (const [file, content] of Object.entries(credentials(layout, now))) {
      await writeFile(join(staging, file), content, { mode: 0o600 });
    }
    await rename(staging, layout.pki);
  }
}

/** File names below `pki/` and their contents. */
function credentials(layout: ClusterLayout, now: Date): Record<string, string> {
  const ca = createAuthority('kubernetes-ca', VALID_DAYS, now);
  const frontProxyCa = createAuthority('front-proxy-ca', VALID_DAYS, now);
  const serviceAccount = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const serviceAccountKey = serviceAccount.export({ type: 'pkcs8', format: 'pem' }).toString();
  const files: Record<string, string> = {
    'ca.crt': ca.certificate,
    'ca.key': ca.key,
    'front-proxy-ca.crt': frontProxyCa.certificate,
    'service-account.key': serviceAccountKey,
    'service-account.pub': createPublicKey(serviceAccount).export({ type: 'spki', format: 'pem' }).toString(),
  };
  const add = (name: string, request: Omit<CertificateRequest, 'validDays'>, authority: Authority) => {
    const issued = issue({ ...request, validDays: VALID_DAYS }, authority, now);
    files[`${name}.crt`] = issued.certificate;
    files[`${name}.key`] = issued.key;
    return issued;
  };

  add('apiserver', apiServerRequest(layout), ca);
  add('front-proxy-client', { commonName: 'front-proxy-client' }, frontProxyCa);
  add('apiserver-kubelet-client', { commonName: 'kube-apiserver', organizations: ['system:masters'] }, ca);
  for (const [name, request] of Object.entries(clients(layout))) {
    files[`${name}.kubeconfig`] = kubeconfig(layout, ca, add(name, request, ca));
  }
  return files;
}

const apiServerRequest = (layout: ClusterLayout) => ({
  commonName: 'kube-apiserver',
  dnsNames: [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    'localhost',
  ],
  ipAddresses: ['127.0.0.1', layout.apiServiceAddress, layout.controlPlaneAddress],
});

/** Those that speak to the API server with a kubeconfig, by its file's name. A node's certificate also serves
 *  kubelet's own port. */
const clients = (layout: ClusterLayout): Record<string, Omit<CertificateRequest, 'validDays'>> => ({
  admin: { commonName: 'hyperpage-admin', organizations: ['system:masters'] },
  'kube-controller-manager': { commonName: 'system:kube-controller-manager' },
  'kube-scheduler': { commonName: 'system:kube-scheduler' },
  'kube-proxy': { commonName: 'system:kube-proxy' },
  ...Object.fromEntries(
    layout.nodes.map(({ name, address }) => [
      name,
      {
        commonName: `system:node:${name}`,
        organizations: ['system:nodes'],
        dnsNames: [name],
        ipAddresses: [address],
      },
    ]),
  ),
});

/** JSON is YAML too. The credentials are inside, so that the file works from anywhere. */
function kubeconfig(layout: ClusterLayout, ca: Authority, client: KeyAndCertificate): string {
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  const context = layout.name === 'default' ? 'hyperpage' : `hyperpage-${layout.name}`;
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: context,
        cluster: { server: layout.apiServerUrl, 'certificate-authority-data': base64(ca.certificate) },
      },
    ],
    users: [
      {
        name: context,
        user: {
          'client-certificate-data': base64(client.certificate),
          'client-key-data': base64(client.key),
        },
      },
    ],
    contexts: [{ name: context, context: { cluster: context, user: context } }],
    'current-context': context,
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** Puts the administrator's kubeconfig where people look for it. */
export async function publishKubeconfig(layout: ClusterLayout, content: string): Promise<void> {
  await mkdir(dirname(layout.kubeconfig), { recursive: true });
  await writeFile(layout.kubeconfig, content, { mode: 0o600 });
}
