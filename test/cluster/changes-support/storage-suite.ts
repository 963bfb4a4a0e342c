import { until } from '../../../dev/demo/tour.ts';
import type { Ground } from '../support/ground.ts';
import { beside, leave } from './beside.ts';
import { expectUnharmed, Load } from './load.ts';
import { becomes, createScene, incarnations, redisPods, type Scene } from './scene.ts';

const NAMESPACE = 'changes-stored';
const CLASS = 'changes-growing';
const SPEC = { mode: 'Sentinel', storage: { size: '128Mi', storageClassName: CLASS } };

export const STORAGE_NAMESPACES = [NAMESPACE];

interface Claim {
  metadata: { name: string };
  spec: { resources: { requests: { storage: string } } };
  status: { phase: string };
}

/** A class of volumes like the default one, which the tests may change. */
const storageClass = (allowVolumeExpansion: boolean) =>
  JSON.stringify({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: CLASS },
    provisioner: 'rancher.io/local-path',
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
    allowVolumeExpansion,
  });

const claimsOf = async (scene: Scene): Promise<Claim[]> =>
  (await scene.get<{ items: Claim[] }>('persistentvolumeclaims')).items;

const noPods = (scene: Scene) =>
  until('no Redis pod is left', 90_000, async () => {
    const found = await scene.kubectl([
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/component=redis',
      '-o',
      'name',
    ]);
    return found.trim() === '' || undefined;
  });

/** Grows, keeps, judges and removes the volumes of one HyperpageCluster. */
export function storageSuite(groundOf: () => Ground): void {
  let scene: Scene;
  let load: Load;

  test(
    'volumes grow with storage.size, and where their class does not let them, Stalled says what to change',
    beside(async () => {
      const { kubectl } = groundOf();
      await kubectl(['apply', '-f', '-'], { input: storageClass(false) });
      scene = await createScene(groundOf(), NAMESPACE);
      await scene.create(SPEC);
      await scene.settled();
      load = await Load.start(scene);
      const pods = await incarnations(scene);
      await scene.change({ storage: { size: '256Mi' } });
      const refused = await scene.reason('Stalled', 'InvalidSpec', 60_000);
      expect(refused.message).toMatch(/cannot grow: .*set allowVolumeExpansion: true on its storage class/);
      await kubectl(['apply', '-f', '-'], { input: storageClass(true) });
      const sizes = async () => (await claimsOf(scene)).map(({ spec }) => spec.resources.requests.storage);
      await becomes('claims', sizes, ['256Mi', '256Mi', '256Mi']);
      expect((await scene.reason('Progressing', 'ResizingStorage', 60_000)).message).toContain('256Mi');
      await resize(scene, '256Mi');
      await scene.settled();
      await scene.reason('Stalled', 'NotStalled', 30_000);
      expect(await incarnations(scene)).toEqual(pods);
      expectUnharmed(await load.check('volumes grow'));
    }),
  );

  test(
    'a HyperpageCluster that is deleted and made again finds the sessions that it had (deletionPolicy Retain)',
    beside(async () => {
      const { sessions } = await load.rest('before it is deleted');
      expect(sessions).toBeGreaterThan(1);
      await scene.kubectl(['delete', 'hyperpagecluster', scene.name, '--timeout=60s']);
      await noPods(scene);
      expect((await claimsOf(scene)).map(({ status }) => status.phase)).toEqual(['Bound', 'Bound', 'Bound']);
      await scene.create({ ...SPEC, storage: { ...SPEC.storage, size: '256Mi' } });
      await scene.settled();
      const { lost, failures } = await load.check('deleted and made again');
      expect({ lost, failures }).toEqual({ lost: [], failures: [] });
    }),
  );

  test(
    'when nobody can tell whose data are right nothing is overwritten, and the command in the message makes the pod of your choice the primary',
    beside(async () => {
      await contradict(scene);
      const { message } = await scene.reason('Stalled', 'DataConflict', 120_000);
      for (const pod of redisPods(scene)) {
        expect(message).toMatch(new RegExp(`${pod} \\(\\d+ keys\\)`));
        expect(await scene.redis(pod, 'get whose')).toBe(pod);
      }
      const [, command = ''] = /: (kubectl .*?POD@\w+)/.exec(message) ?? [];
      const chosen = redisPods(scene)[1] as string;
      const [program, ...words] = command.replace('POD@', `${chosen}@`).split(' ');
      expect(program).toBe('kubectl');
      await scene.ground.kubectl(words);
      await scene.settled();
      expect(await scene.primary()).toBe(chosen);
      await scene.reason('Stalled', 'NotStalled', 30_000);
      for (const pod of redisPods(scene)) expect(await scene.redis(pod, 'get whose')).toBe(chosen);
      expect((await load.check('data conflict')).lost).toEqual([]);
    }),
  );

  test(
    'with deletionPolicy Delete the claims go with the HyperpageCluster',
    beside(async () => {
      load.close();
      const patch = JSON.stringify({ spec: { deletionPolicy: 'Delete' } });
      await scene.kubectl(['patch', 'hyperpagecluster', scene.name, '--type=merge', '-p', patch]);
      const policy = async () => {
        type Set = { spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: string } } };
        const { spec } = await scene.get<Set>('statefulset', `${scene.name}-redis`);
        return spec.persistentVolumeClaimRetentionPolicy.whenDeleted;
      };
      await becomes('policy of the claims', policy, 'Delete');
      const owners = '{.items[*].metadata.ownerReferences[*].kind}';
      const owned = () => scene.kubectl(['get', 'pvc', '-o', `jsonpath=${owners}`]);
      await becomes('owners of the claims', owned, 'StatefulSet StatefulSet StatefulSet');
      await scene.kubectl(['delete', 'hyperpagecluster', scene.name, '--timeout=60s']);
      await becomes('claims', async () => (await claimsOf(scene)).length, 0, 90_000);
      await scene.ground.kubectl(['delete', 'storageclass', CLASS]);
      await leave(scene);
    }),
  );
}

/** What the resizer of a provisioner does; the one here cannot. */
async function resize(scene: Scene, storage: string): Promise<void> {
  const patch = JSON.stringify({ status: { capacity: { storage } } });
  for (const { metadata } of await claimsOf(scene)) {
    const what = ['patch', 'pvc', metadata.name, '--subresource=status', '--type=merge', '-p', patch];
    await scene.kubectl(what);
  }
}

/** Every pod comes back with data of its own, and none knows who was the primary. */
async function contradict(scene: Scene): Promise<void> {
  const pods = redisPods(scene);
  // Sentinel leaves a primary that it did not elect alone for eight seconds.
  const part = (pod: string) => `config set min-replicas-to-write 0\nreplicaof no one\nset whose ${pod}\n`;
  await Promise.all(pods.map((pod) => scene.redis(pod, part(pod))));
  const forget = ['-c', 'redis', '--', 'rm', '/data/redis.conf'];
  await Promise.all(pods.map((pod) => scene.kubectl(['exec', pod, ...forget])));
  await scene.kubectl(['delete', 'pods', ...pods, '--wait=false']);
}
