import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { PORTS } from '@hyperpage/contract';
import type { Certificate } from '../../support/certificates.ts';
import type { Scene } from './scene.ts';

/** Writes a certificate into a Secret, as cert-manager does. */
export async function certificateSecret(scene: Scene, name: string, certificate: Certificate): Promise<void> {
  const { certFile, keyFile, ca } = certificate;
  const [crt, key] = [await readFile(certFile, 'utf8'), await readFile(keyFile, 'utf8')];
  await scene.secret(name, { 'tls.crt': crt, 'tls.key': key, 'ca.crt': ca });
}

/** The certificate's SHA-256 fingerprint. */
export async function fingerprintOf({ certFile }: Certificate): Promise<string> {
  const args = ['x509', '-in', certFile, '-noout', '-fingerprint', '-sha256'];
  const { stdout } = await promisify(execFile)('openssl', args);
  return stdout.trim().split('=')[1] ?? '';
}

const LOOK = `
const { connect } = require('node:tls');
const { hosts, ports } = JSON.parse(process.argv[1]);
const shown = (host, port) => new Promise((resolve) => {
  const socket = connect({ host, port, rejectUnauthorized: false }, () => {
    resolve(socket.getPeerCertificate().fingerprint256);
    socket.destroy();
  });
  socket.on('error', (error) => resolve(error.message));
});
Promise.all(hosts.flatMap((host) => ports.map((port) => shown(host, port)))).then((all) => console.log(JSON.stringify(all)));`;

/** Fingerprints of the certificates that every Redis and every Sentinel shows now, as an app pod sees them. */
export async function shownCertificates(scene: Scene): Promise<string[]> {
  const selector = 'app.kubernetes.io/component=redis';
  const ips = ['get', 'pods', '-l', selector, '-o', 'jsonpath={.items[*].status.podIP}'];
  const hosts = (await scene.kubectl(ips)).split(' ');
  const question = JSON.stringify({ hosts, ports: [PORTS.redis, PORTS.sentinel] });
  const exec = ['exec', `deploy/${scene.name}`, '-c', 'app', '--', 'node', '-e', LOOK, question];
  return JSON.parse(await scene.kubectl(exec)) as string[];
}
