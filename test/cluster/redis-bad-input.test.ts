/** What is wrong or missing has a condition that says what to do, and mending it is all that it takes. */
import { IMAGES } from '@hyperpage/contract';
import { until } from '../../dev/demo/tour.ts';
import { type Authority, startAuthority } from '../support/certificates.ts';
import { beside, leave, startBeside } from './changes-support/beside.ts';
import { startOutside } from './changes-support/external-suite.ts';
import { expectUnharmed, Load } from './changes-support/load.ts';
import { becomes, createScene, incarnations, redisPods, type Scene } from './changes-support/scene.ts';
import { certificateSecret } from './changes-support/tls.ts';
import { enter, type Ground } from './support/ground.ts';

const NAMESPACES = ['bad-edits', 'bad-password', 'bad-certificate', 'bad-url', 'bad-class'];
const CLASS = 'bad-class-of-its-own';
const SOON_MS = 60_000;

let ground: Ground;
let edited: Scene;
let load: Load;
let authority: Authority;
const scenes: Scene[] = [];

const open = async (namespace: string): Promise<Scene> => {
  const scene = await createScene(ground, namespace);
  scenes.push(scene);
  return scene;
};

beforeAll(async () => {
  ground = await enter(NAMESPACES);
  await ground.kubectl(['delete', 'storageclass', CLASS, '--ignore-not-found']);
  authority = await startAuthority();
  edited = await open('bad-edits');
  await edited.create({ mode: 'Sentinel' });
  await edited.settled();
  load = await Load.start(edited);
  startBeside();
});

afterAll(async () => {
  load?.close();
  for (const scene of scenes) scene.close();
  await authority?.remove();
  await ground?.kubectl(['delete', 'storageclass', CLASS, '--ignore-not-found']);
  await ground?.leave();
});

/** Waits for Stalled to say this. */
const stalled = (scene: Scene, reason: string, message: RegExp) =>
  until(`Stalled=${reason} ${String(message)}`, SOON_MS, async () => {
    const found = await scene.condition('Stalled');
    return (found?.status === 'True' && found.reason === reason && message.test(found.message)) || undefined;
  });

/** Nothing stands in the way any more, and all of it is there. */
async function expectMended(scene: Scene): Promise<void> {
  await scene.reason('Stalled', 'NotStalled');
  await scene.settled();
}

test('a directive that Redis refuses is named, nobody is restarted, and the right value is taken', async () => {
  const before = await incarnations(edited);
  await edited.change({ config: { 'maxmemory-policy': 'sometimes' } });
  await stalled(
    edited,
    'InvalidSpec',
    /Redis refuses maxmemory-policy sometimes .*correct it in spec\.redis/,
  );
  await edited.change({ config: { 'maxmemory-policy': 'volatile-lru' } });
  await expectMended(edited);
  const look = () => edited.redis(redisPods(edited)[0] as string, 'config get maxmemory-policy');
  await becomes('policy', look, 'maxmemory-policy\nvolatile-lru');
  expect(await incarnations(edited)).toEqual(before);
  expectUnharmed(await load.check('a refused directive'));
});

test('an image that cannot be pulled stops a roll at its first pod, writes go on, and the former image mends it', async () => {
  const primary = await edited.primary();
  await edited.change({ image: 'registry.invalid/redis:none' });
  const stuck = await edited.reason('Degraded', 'RolloutStuck', 120_000);
  expect(stuck.message).toMatch(
    /pod demo-redis-\d: .*registry\.invalid\/redis:none.*write the former spec again/,
  );
  expect(await edited.primary()).toBe(primary);
  expect((await edited.condition('RedisAvailable'))?.status).toBe('True');
  expectUnharmed(await load.check('an image that cannot be pulled'));
  await edited.change({ image: IMAGES.redis });
  await expectMended(edited);
  expectUnharmed(await load.check('the former image again'));
});

test('an even number of Sentinels is warned of, with the number to write', async () => {
  await edited.change({ replicas: 4 });
  const warned = await edited.reason('ConfigurationWarning', 'EvenSentinelCount', SOON_MS);
  expect(warned.message).toContain('4 Sentinels survive no more losses than 3: write redis.replicas: 5');
  await edited.change({ replicas: 3 });
  await edited.reason('ConfigurationWarning', 'EphemeralSessions', SOON_MS);
  await expectMended(edited);
  expectUnharmed(await load.rest('an even number'), { cut: true });
});

// These run beside the ones above.
test(
  'a Secret with the password that is missing, lacks the key or holds several lines is named, and the cluster comes up once it is right',
  beside(async () => {
    const scene = await open('bad-password');
    await scene.create({ mode: 'Standalone', authSecretRef: { name: 'mine', key: 'secret' } });
    await stalled(scene, 'SecretMissing', /Secret mine does not exist: create it with the key secret/);
    await scene.secret('mine', { password: 'x' });
    await stalled(scene, 'SecretMissing', /Secret mine has no key secret: add it/);
    await scene.secret('mine', { secret: 'one\ntwo' });
    await stalled(scene, 'SecretMissing', /Secret mine holds several lines: write one of one line/);
    await scene.secret('mine', { secret: 'right' });
    await expectMended(scene);
    const pods = await incarnations(scene, 1);
    await scene.kubectl(['delete', 'secret', 'mine']);
    await stalled(scene, 'SecretMissing', /Secret mine does not exist/);
    // Whoever runs goes on with the password that it has.
    expect((await scene.condition('RedisAvailable'))?.status).toBe('True');
    await scene.secret('mine', { secret: 'right' });
    await expectMended(scene);
    expect(await incarnations(scene, 1)).toEqual(pods);
    await leave(scene);
  }),
);

test(
  'a Secret with certificates that is missing, or is for another name, is named, and the cluster comes up once it is right',
  beside(async () => {
    const scene = await open('bad-certificate');
    await scene.create({ mode: 'Standalone', tls: { secretName: 'tls' } });
    await stalled(scene, 'SecretMissing', /Secret tls does not exist: create it with the key ca\.crt/);
    await certificateSecret(scene, 'tls', await authority.issue('other.example'));
    await stalled(
      scene,
      'InvalidSpec',
      /Secret tls holds a certificate that does not name demo-redis\.bad-certificate\.svc/,
    );
    await certificateSecret(scene, 'tls', await authority.issue('demo-redis.bad-certificate.svc'));
    await expectMended(scene);
    await leave(scene);
  }),
);

test(
  'a URL of an outside Redis that is missing or holds a wrong password is told, and the app comes up once it is right',
  beside(async () => {
    const scene = await open('bad-url');
    const outside = await startOutside(scene);
    await scene.create({ mode: 'External', urlSecretRef: { name: 'url' } });
    await stalled(scene, 'SecretMissing', /Secret url does not exist: create it with the key url/);
    await scene.secret('url', { url: outside.url.replace('outside%20password', 'wrong') });
    await until('the refusal in the condition', SOON_MS, async () => {
      const found = await scene.condition('RedisAvailable');
      return (found?.status !== 'True' && /WRONGPASS/.test(found?.message ?? '')) || undefined;
    });
    await scene.secret('url', { url: outside.url });
    await expectMended(scene);
    await leave(scene);
  }),
);

test(
  'a storage class that does not exist is named, and the volumes come once it does',
  beside(async () => {
    const scene = await open('bad-class');
    await scene.create({ mode: 'Standalone', storage: { size: '64Mi', storageClassName: CLASS } });
    const found = await scene.reason('Degraded', 'PodUnschedulable', SOON_MS);
    expect(found.message).toContain(`storage class ${CLASS}: see that it exists`);
    const made = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: CLASS },
      provisioner: 'rancher.io/local-path',
      volumeBindingMode: 'WaitForFirstConsumer',
    };
    await ground.kubectl(['apply', '-f', '-'], { input: JSON.stringify(made) });
    await expectMended(scene);
    await leave(scene);
  }),
);
