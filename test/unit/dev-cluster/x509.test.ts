import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect as connectTls, createServer } from 'node:tls';
import { createAuthority, issue } from '../../../dev/cluster/local/x509.ts';

const NOW = new Date('2026-03-04T05:06:07Z');
const authority = createAuthority('test-ca', 30, NOW);

test('a certificate is signed by its authority and carries the names it was asked for', () => {
  const issued = issue(
    {
      commonName: 'system:node:node-1',
      organizations: ['system:nodes'],
      dnsNames: ['node-1', 'localhost'],
      ipAddresses: ['172.30.0.11'],
      validDays: 30,
    },
    authority,
    NOW,
  );

  const certificate = new X509Certificate(issued.certificate);
  const issuer = new X509Certificate(authority.certificate);
  expect(certificate.verify(issuer.publicKey)).toBe(true);
  expect(certificate.checkIssued(issuer)).toBe(true);
  expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:node-1');
  expect(certificate.subjectAltName).toBe('DNS:node-1, DNS:localhost, IP Address:172.30.0.11');
  expect(certificate.checkPrivateKey(createPrivateKey(issued.key))).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(issuer.ca).toBe(true);
});

test('a certificate is valid from an hour before it was made, for clients whose clock is behind', () => {
  const { certificate } = issue({ commonName: 'a', validDays: 2 }, authority, NOW);

  const { validFrom, validTo } = new X509Certificate(certificate);
  expect(validFrom).toBe('Mar  4 04:06:07 2026 GMT');
  expect(validTo).toBe('Mar  6 05:06:07 2026 GMT');
});

test('a certificate of another authority of the same name is refused', () => {
  const impostor = createAuthority('test-ca', 30, NOW);
  const { certificate } = issue({ commonName: 'a', validDays: 1 }, impostor, NOW);

  const genuine = new X509Certificate(authority.certificate);
  expect(new X509Certificate(certificate).verify(genuine.publicKey)).toBe(false);
});

test('a server and a client with certificates of one authority accept each other', async () => {
  const now = new Date();
  const ca = createAuthority('live-ca', 1, now);
  const server = issue({ commonName: 'server', ipAddresses: ['127.0.0.1'], validDays: 1 }, ca, now);
  const client = issue({ commonName: 'client', validDays: 1 }, ca, now);
  const listener = createServer(
    { key: server.key, cert: server.certificate, ca: ca.certificate, requestCert: true },
    (socket) => socket.end(socket.authorized ? String(socket.getPeerCertificate().subject.CN) : 'refused'),
  ).listen(0, '127.0.0.1');
  await once(listener, 'listening');

  const { port } = listener.address() as AddressInfo;
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    ca: ca.certificate,
    key: client.key,
    cert: client.certificate,
  });
  const [answer] = await once(socket, 'data');

  expect(String(answer)).toBe('client');
  socket.destroy();
  listener.close();
});
