import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { serverNameOf, tlsSource } from '../../../../sidecar/src/redis/tls.ts';

const [first = '', second = ''] = rootCertificates;

describe('what a connection is verified against', () => {
  let folder: string;
  let caFile: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hyperpage-tls-'));
    caFile = join(folder, 'ca.crt');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('each connection takes the authorities that stand in the file then, or the last that stood there', async () => {
    await writeFile(caFile, first);
    const next = tlsSource({ caFile, serverName: 'demo-redis.shop.svc' });
    expect(next()).toEqual({ ca: first, servername: 'demo-redis.shop.svc', rejectUnauthorized: true });
    await writeFile(caFile, `${first}\n${second}`);
    expect(next().ca).toBe(`${first}\n${second}`);
    await writeFile(caFile, '');
    expect(next().ca).toBe(`${first}\n${second}`);
    await rm(caFile);
    expect(next().ca).toBe(`${first}\n${second}`);
  });

  test('without a file the authorities are left to Node.js, and verification stays on', () => {
    expect(tlsSource({})()).toEqual({ rejectUnauthorized: true });
  });

  test('a host has a name to verify, an address has none', () => {
    expect(serverNameOf('redis.example.com')).toBe('redis.example.com');
    for (const address of ['10.0.0.1', '::1', '[::1]']) expect(serverNameOf(address)).toBeUndefined();
  });
});
