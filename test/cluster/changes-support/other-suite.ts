import type { Authority } from '../../support/certificates.ts';
import { startAuthority } from '../../support/certificates.ts';
import type { Ground } from '../support/ground.ts';
import { beside, leave } from './beside.ts';
import { expectUnharmed, Load } from './load.ts';
import { becomes, createScene, redisPods, type Scene, SETTLED_WITHIN_MS } from './scene.ts';
import { certificateSecret, fingerprintOf, shownCertificates } from './tls.ts';

const ALONE = 'changes-alone';
const TLS = 'changes-tls';
const SECRET = 'redis-tls';

export const OTHER_NAMESPACES = [ALONE, TLS];

/** From Standalone to Sentinel, and a renewed certificate. */
export function otherSuite(groundOf: () => Ground): void {
  const scenes: Scene[] = [];
  const loads: Load[] = [];
  let authority: Authority;

  const open = async (namespace: string): Promise<Scene> => {
    const scene = await createScene(groundOf(), namespace);
    scenes.push(scene);
    return scene;
  };
  const loaded = async (scene: Scene): Promise<Load> => {
    const load = await Load.start(scene);
    loads.push(load);
    return load;
  };

  afterAll(async () => {
    for (const one of [...loads, ...scenes]) one.close();
    await authority?.remove();
  });

  test(
    'from Standalone to Sentinel every session is kept',
    beside(async () => {
      const scene = await open(ALONE);
      await scene.create({ mode: 'Standalone', storage: { size: '64Mi' } });
      await scene.settled();
      const load = await loaded(scene);
      expectUnharmed(await load.check('Standalone'));
      await scene.change({ mode: 'Sentinel' });
      await scene.reason('SentinelQuorum', 'Agreed', SETTLED_WITHIN_MS);
      await scene.settled();
      expectUnharmed(await load.rest('Standalone to Sentinel'), { cut: true });
      await leave(scene);
    }),
  );

  test(
    'a certificate that is renewed in its Secret is shown by every server, and one that ends soon is warned of',
    beside(async () => {
      const scene = await open(TLS);
      authority = await startAuthority();
      const name = `${scene.name}-redis.${TLS}.svc`;
      const [first, second] = [await authority.issue(name), await authority.issue(name)];
      await certificateSecret(scene, SECRET, first);
      await scene.create({ mode: 'Sentinel', tls: { secretName: SECRET } });
      await scene.settled();
      expect(await scene.redis(redisPods(scene)[0] as string, 'ping')).toBe('PONG');
      const warned = await scene.reason('ConfigurationWarning', 'CertificateExpiring', 10_000);
      expect(warned.message).toMatch(
        /The certificate in Secret redis-tls expires on \d{4}-\d\d-\d\d: renew it/,
      );
      const servers = (shown: string) => Array.from({ length: 6 }, () => shown);
      expect(await shownCertificates(scene)).toEqual(servers(await fingerprintOf(first)));
      const load = await loaded(scene);
      await certificateSecret(scene, SECRET, second);
      const renewed = servers(await fingerprintOf(second));
      await becomes('certificates', () => shownCertificates(scene), renewed, 120_000);
      await scene.settled();
      expectUnharmed(await load.rest('renewed certificate'));
      await leave(scene);
    }),
  );
}
