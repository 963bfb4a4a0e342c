import { connect } from 'node:tls';
import { type Authority, startAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { meanwhile } from '../support/meanwhile.ts';
import { PASSWORD, type RedisPod, RedisPods } from '../support/redis-pods.ts';

describe('Redis pods that speak TLS', () => {
  let authority: Authority;
  let pods: RedisPods;
  let primary: RedisPod;

  beforeAll(async () => {
    authority = await startAuthority();
  });
  afterAll(() => authority.remove());
  beforeEach(async () => {
    pods = await RedisPods.create({ authority });
    primary = await pods.startWhole();
  });
  afterEach(() => pods.stop());

  /** Fingerprint of the certificate that a server shows. */
  const shown = ({ ip: host }: RedisPod, port: number) =>
    new Promise<string | undefined>((resolve) => {
      const socket = connect({ host, port, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on('error', () => resolve(undefined));
    });
  const allShown = () => Promise.all(pods.pods.flatMap((pod) => [shown(pod, 6379), shown(pod, 26379)]));

  test('refuse who does not, and pass the probes', async () => {
    for (const pod of pods.pods) {
      for (const port of [6379, 26379]) {
        const plain = pod.connect(port, { password: PASSWORD });
        await expect(plain.ping()).rejects.toThrow(/closed|ECONNRESET/);
        plain.disconnect();
      }
      expect(await pod.probe('live')).toBe(true);
      await eventually('it is ready', () => pod.probe('ready'));
    }
  });

  test('fail over, and take back the one that was gone', async () => {
    await primary.writeSafely('kept', 'yes');
    const rest = pods.pods.filter((pod) => pod !== primary);
    await primary.delete({ volume: 'lost' });
    await pods.primaryAmong(rest);
    await primary.start();
    const next = pods.primaryOf(await pods.settle());
    expect(rest).toContain(next);
    await next.writeSafely('more', 'yes');
    expect(await primary.redis('MGET', 'kept', 'more')).toEqual(['yes', 'yes']);
  });

  test('show a new certificate as soon as it is mounted, without one write being refused', async () => {
    const before = await allShown();
    const containers = pods.pods.map(({ sentinelPid }) => sentinelPid);
    const writer = primary.connect();
    let written = 0;
    const writing = meanwhile(async () => {
      written = await writer.incr('count');
    });
    await pods.renewCertificates();
    await eventually('every server shows another one', async () => {
      const now = await allShown();
      return now.every((each, i) => each !== undefined && each !== before[i]);
    });
    await writing.stop();
    writer.disconnect();
    await pods.settle();
    expect(await primary.redis('GET', 'count')).toBe(String(written));
    expect(pods.ordered.filter((order) => order.includes('MONITOR'))).toHaveLength(3);
    for (const pid of containers) expect(() => process.kill(pid ?? 0, 0)).not.toThrow();
  });

  test('go on with the certificate that they have while the mounted one is of no use', async () => {
    const before = await allShown();
    const [pod] = pods.pods as [RedisPod];
    await pod.mounts.certificates.change({ 'tls.crt': 'none', 'tls.key': 'none', 'ca.crt': authority.ca });
    await new Promise((resolve) => setTimeout(resolve, 5000));
    expect(await allShown()).toEqual(before);
    await pods.renewCertificates();
    await eventually('it shows the next', async () => {
      const now = await allShown();
      return now.every((each, i) => each !== undefined && each !== before[i]);
    });
  });

  test('change to another authority together', async () => {
    const other = await startAuthority();
    try {
      await pods.renewCertificates(other);
      expect(pods.primaryOf(await pods.settle())).toBe(primary);
      await primary.writeSafely('kept', 'yes');
    } finally {
      await other.remove();
    }
  });
});
