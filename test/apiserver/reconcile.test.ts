import type { KubeHttp } from '@hyperpage/runtime';
import { OWNED_KINDS } from '../../operator/src/desired/index.ts';
import type { Kind, Stored } from '../../operator/src/kube/index.ts';
import { freshNamespace, sharedApiServer } from '../support/apiserver.ts';
import { installCrd } from '../support/crd.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorWorld } from '../support/operator.ts';

const ALL: Array<[Kind, string]> = [
  ['ServiceAccount', 'demo'],
  ['ServiceAccount', 'demo-redis'],
  ['Role', 'demo'],
  ['RoleBinding', 'demo'],
  ['Secret', 'demo-redis-auth'],
  ['Secret', 'demo-peers'],
  ['ConfigMap', 'demo-redis'],
  ['Service', 'demo'],
  ['Service', 'demo-redis'],
  ['Service', 'demo-peers'],
  ['Lease', 'demo-leader'],
  ['NetworkPolicy', 'demo'],
  ['NetworkPolicy', 'demo-redis'],
  ['PodDisruptionBudget', 'demo'],
  ['PodDisruptionBudget', 'demo-redis'],
  ['StatefulSet', 'demo-redis'],
  ['Deployment', 'demo'],
  ['HorizontalPodAutoscaler', 'demo'],
];
const app = { image: 'example:1' };
const autoscaling = { min: 3, max: 9 };

describe('the operator against a real API server', () => {
  let http: KubeHttp;
  let world: OperatorWorld;

  beforeAll(async () => {
    ({ http } = await sharedApiServer());
    await installCrd(http);
  });
  afterAll(() => http.close());
  beforeEach(async () => {
    world = new OperatorWorld(http, await freshNamespace(http, 'reconcile'));
  });
  afterEach(() => world.stop());

  const everything = () => Promise.all(ALL.map(([kind, name]) => world.exists(kind, name)));

  test('a HyperpageCluster gets everything it needs, all owned by it', async () => {
    await world.start();
    const { metadata } = await world.make({ app, autoscaling });
    for (const object of await everything()) {
      expect(object?.metadata.ownerReferences).toEqual([
        expect.objectContaining({ uid: metadata.uid, controller: true, blockOwnerDeletion: true }),
      ]);
      expect(object?.metadata.labels).toMatchObject({ 'hyperpage.dev/cluster': 'demo' });
    }
    expect(new Set(ALL.map(([kind]) => kind))).toEqual(new Set(OWNED_KINDS));
  });

  test('every condition is set on the first visit, each with a reason and a message', async () => {
    await world.start();
    await world.make({ app });
    const { conditions = [], observedGeneration } = await eventually(
      'there is a status',
      async () => (await world.cluster()).status,
    );
    expect(observedGeneration).toBe(1);
    expect(conditions).toHaveLength(11);
    for (const condition of conditions) {
      expect(condition.reason).toMatch(/^[A-Z][A-Za-z]+$/);
      expect(condition.message).not.toBe('');
    }
  });

  test('a steady state writes nothing, however often it is looked at', async () => {
    const operator = await world.start();
    await world.make({ app, autoscaling, redis: { maxMemory: '100mb' } });
    await everything();
    await world.quiet(operator);
    const before = operator.writes.length;
    // An annotation of somebody else's on each object makes the operator look again.
    for (const [kind, name] of ALL) {
      await world.patch(kind, name, { metadata: { annotations: { 'example.com/touched': 'yes' } } });
    }
    await world.quiet(operator);
    expect(operator.writes.slice(before)).toEqual([]);
  });

  test('an operator that starts anew writes nothing where everything is as it should be', async () => {
    const first = await world.start();
    await world.make({ app, autoscaling });
    await everything();
    await world.quiet(first);
    await world.stop();
    const second = await world.start();
    await world.quiet(second);
    expect(second.writes).toEqual([]);
  });

  test('values that the API server stores in other words are not written again and again', async () => {
    const operator = await world.start();
    const resources = { requests: { cpu: '0.5', memory: '1000000000m' }, limits: { cpu: '2000m' } };
    await world.make({ app: { ...app, resources } });
    await world.exists('Deployment', 'demo');
    await world.quiet(operator);
    const before = operator.writes.length;
    await world.patch('Deployment', 'demo', { metadata: { annotations: { 'example.com/touched': 'yes' } } });
    await world.quiet(operator);
    expect(operator.writes.length - before).toBe(0);
  });

  describe('drift', () => {
    beforeEach(async () => {
      const operator = await world.start();
      await world.make({ app, autoscaling });
      await everything();
      await world.quiet(operator);
    });

    test('whatever was deleted comes back', async () => {
      const deleted = ALL.filter(([kind]) => kind !== 'Secret' && kind !== 'Lease');
      await Promise.all(
        deleted.map(async ([kind, name]) => {
          const { uid } = (await world.get(kind, name)).metadata;
          await world.objects.delete(kind, world.key(name));
          await eventually(`${kind} ${name} is back`, async () => {
            const object = await world.objects.get(kind, world.key(name));
            return object && object.metadata.uid !== uid;
          });
        }),
      );
    });

    test('a changed field of ours is put back, and a field of another manager stays', async () => {
      await world.patch('Service', 'demo', {
        metadata: { annotations: { 'example.com/theirs': 'kept' } },
        spec: { ports: [{ name: 'http', port: 81, targetPort: 'http', protocol: 'TCP' }] },
      });
      await eventually(
        'the port is back',
        async () => (await world.get('Service', 'demo')).spec?.ports?.[0]?.port === 80,
      );
      const { annotations } = (await world.get('Service', 'demo')).metadata;
      expect(annotations).toMatchObject({ 'example.com/theirs': 'kept' });
    });

    test('a rule that somebody added to a NetworkPolicy is taken out', async () => {
      const { spec } = await world.get('NetworkPolicy', 'demo-redis');
      await world.patch('NetworkPolicy', 'demo-redis', { spec: { ingress: [...(spec?.ingress ?? []), {}] } });
      await eventually(
        'the rule is gone',
        async () => (await world.get('NetworkPolicy', 'demo-redis')).spec?.ingress?.length === 1,
      );
    });

    test('a field that the spec asks for no longer is taken out', async () => {
      const container = async () =>
        (await world.get('Deployment', 'demo')).spec?.template.spec?.containers[0];
      await world.change({ app: { command: ['sh'], env: [{ name: 'A', value: '1' }] } });
      await eventually('the command is there', async () => (await container())?.command?.[0] === 'sh');
      await world.change({ app: { command: null, env: null } });
      await eventually('the command is gone', async () => (await container())?.command === undefined);
      expect((await container())?.env?.some(({ name }) => name === 'A')).toBe(false);
    });

    test('an object that the spec asks for no longer is deleted', async () => {
      await world.change({ autoscaling: null, networkPolicy: { enabled: false } });
      await world.isGone('HorizontalPodAutoscaler', 'demo');
      await world.isGone('NetworkPolicy', 'demo');
      await world.isGone('NetworkPolicy', 'demo-redis');
      expect(await world.objects.get('PodDisruptionBudget', world.key('demo'))).toBeDefined();
    });

    test('a deleted Secret comes back with the password that Redis runs with', async () => {
      const { data, metadata } = await world.get('Secret', 'demo-redis-auth');
      await world.objects.delete('Secret', world.key('demo-redis-auth'));
      const back = await eventually('the Secret is back', async () => {
        const secret = await world.objects.get('Secret', world.key('demo-redis-auth'));
        return secret && secret.metadata.uid !== metadata.uid && secret;
      });
      expect(back.data).toEqual(data);
    });

    test('the sidecars’ key stays as it is, and another one is made where it was deleted', async () => {
      const keyIn = (secret: Stored<'Secret'>) =>
        Buffer.from(secret.data?.['key'] ?? '', 'base64').toString('utf8');
      const { uid } = (await world.get('Secret', 'demo-peers')).metadata;
      const data = { key: Buffer.from('a key of the user’s, which is long enough').toString('base64') };
      await world.patch('Secret', 'demo-peers', { data });
      await world.change({ app: { image: 'example:2' } });
      await eventually(
        'the image is there',
        async () =>
          (await world.get('Deployment', 'demo')).spec?.template.spec?.containers[0]?.image === 'example:2',
      );
      const kept = await world.get('Secret', 'demo-peers');
      expect(kept.data).toEqual(data);
      await world.objects.delete('Secret', world.key('demo-peers'));
      const back = await eventually('the Secret is back', async () => {
        const secret = await world.objects.get('Secret', world.key('demo-peers'));
        return secret && secret.metadata.uid !== uid && secret;
      });
      expect(keyIn(back)).toMatch(/^[\w-]{43}$/);
    });

    test('an object that lost the label by which it is found gets it again', async () => {
      const labels = { 'hyperpage.dev/cluster': null };
      for (const [kind, name] of [
        ['Secret', 'demo-redis-auth'],
        ['Service', 'demo'],
      ] as const) {
        const { uid } = (await world.get(kind, name)).metadata;
        await world.patch(kind, name, { metadata: { labels } });
        const back = await eventually(`${kind} ${name} has its label`, async () => {
          const object = await world.get(kind, name);
          return object.metadata.labels?.['hyperpage.dev/cluster'] === 'demo' && object;
        });
        expect(back.metadata.uid).toBe(uid);
      }
    });

    test('a deleted Lease comes back as held by someone unknown, with the term that is known', async () => {
      const { metadata, spec } = await world.get('Lease', 'demo-leader');
      expect(spec?.holderIdentity).toBe('');
      expect(metadata.annotations).toMatchObject({ 'hyperpage.dev/term': '0' });
      await world.patch('Lease', 'demo-leader', {
        metadata: { annotations: { 'hyperpage.dev/term': '7' } },
        spec: { holderIdentity: 'demo-1_abc', renewTime: '2026-01-01T00:00:00.000000Z' },
      });
      await eventually('the leader is known', async () => (await world.cluster()).status?.leader?.term === 7);
      await world.objects.delete('Lease', world.key('demo-leader'));
      const back = await eventually('the Lease is back', async () => {
        const lease = await world.objects.get('Lease', world.key('demo-leader'));
        return lease && lease.metadata.uid !== metadata.uid && lease;
      });
      expect(back.spec).toMatchObject({ holderIdentity: 'unknown', leaseDurationSeconds: 30 });
      expect(back.spec?.renewTime).toMatch(/\.\d{6}Z$/);
      expect(back.metadata.annotations).toMatchObject({ 'hyperpage.dev/term': '7' });
    });
  });

  describe('under an HPA', () => {
    const replicas = async () => (await world.objects.get('Deployment', world.key('demo')))?.spec?.replicas;

    test('the number of pods is set once, within its bounds, and is the HPA’s from then on', async () => {
      const operator = await world.start();
      await world.make({ app: { ...app, replicas: 1 }, autoscaling: { min: 4, max: 9 } });
      await eventually('it begins with the least', async () => (await replicas()) === 4);
      await world.quiet(operator);
      await world.patch('Deployment', 'demo', { spec: { replicas: 7 } });
      for (const image of ['example:2', 'example:3', 'example:4']) {
        await world.change({ app: { image } });
        await eventually(
          'the image is there',
          async () =>
            (await world.get('Deployment', 'demo')).spec?.template.spec?.containers[0]?.image === image,
        );
        expect(await replicas()).toBe(7);
      }
    });

    test('switching it on keeps the pods that run, switching it off gives app.replicas back', async () => {
      const operator = await world.start();
      await world.make({ app: { ...app, replicas: 5 } });
      await world.exists('Deployment', 'demo');
      const seen: unknown[] = [];
      await world.change({ autoscaling });
      await world.exists('HorizontalPodAutoscaler', 'demo');
      await world.quiet(operator);
      seen.push(await replicas());
      await world.patch('Deployment', 'demo', { spec: { replicas: 8 } });
      await world.change({ app: { image: 'example:2' } });
      await world.quiet(operator);
      seen.push(await replicas());
      expect(seen).toEqual([5, 8]);
      await world.change({ autoscaling: null });
      await eventually('the spec rules again', async () => (await replicas()) === 5);
    });
  });

  test('a foreign object is refused, left untouched and named, and all is well once it is gone', async () => {
    const labels = { 'hyperpage.dev/cluster': 'demo' };
    const foreign = (name: string, more: object) =>
      world.objects.create({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { ...world.key(name), ...more },
        spec: { ports: [{ port: 1234 }] },
      });
    const one = await foreign('demo', {});
    const other = await foreign('demo-redis', { labels });
    await world.start();
    await world.make({ app });
    const { message } = await world.says('Stalled', 'ForeignObject');
    expect(message).toMatch(/Service demo .*rename or delete it/);
    expect(message).toMatch(/Service demo-redis /);
    await world.exists('Deployment', 'demo');
    for (const service of [one, other]) {
      const now = await world.get('Service', service.metadata.name);
      expect(now.metadata.resourceVersion).toBe(service.metadata.resourceVersion);
    }
    await world.objects.delete('Service', world.key('demo'));
    await world.objects.delete('Service', world.key('demo-redis'));
    await world.says('Stalled', 'NotStalled');
    expect((await world.get('Service', 'demo')).spec?.ports?.[0]?.port).toBe(80);
  });

  test('a cluster made anew under its old name waits for what the old one leaves behind', async () => {
    await world.start();
    await world.make({ app });
    await world.exists('Deployment', 'demo');
    await world.objects.delete('HyperpageCluster', world.key('demo'));
    const { metadata } = await world.make({ app });
    await world.says('Stalled', 'NotStalled');
    // Nobody collects garbage here; so we do.
    for (const [kind, name] of ALL) await world.objects.delete(kind, world.key(name));
    await eventually('the new Deployment is there', async () => {
      const deployment = await world.objects.get('Deployment', world.key('demo'));
      return deployment?.metadata.ownerReferences?.[0]?.uid === metadata.uid;
    });
    expect((await world.condition('Stalled'))?.status).toBe('False');
  });

  test('paused writes nothing but the status', async () => {
    const operator = await world.start();
    await world.make({ app, paused: true });
    await world.says('Paused', 'PausedByUser');
    await world.quiet(operator);
    expect(operator.writes.filter(({ path }) => !path.endsWith('/status'))).toEqual([]);
    await world.change({ paused: false });
    await world.exists('Deployment', 'demo');
    await world.says('Paused', 'NotPaused');
    await world.quiet(operator);
    await world.change({ paused: true });
    await world.says('Paused', 'PausedByUser');
    await world.objects.delete('Service', world.key('demo'));
    await world.quiet(operator);
    expect(await world.objects.get('Service', world.key('demo'))).toBeUndefined();
  });

  test('a missing Secret is named, and found by itself once it is there', async () => {
    await world.start();
    await world.make({ app, redis: { authSecretRef: { name: 'mine', key: 'pw' } } });
    const { message } = await world.says('Stalled', 'SecretMissing');
    expect(message).toMatch(/mine does not exist: create it with the key pw/);
    await world.objects.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: world.key('mine'),
      data: { pw: Buffer.from('secret').toString('base64') },
    });
    await world.says('Stalled', 'NotStalled');
    expect(await world.objects.get('Secret', world.key('demo-redis-auth'))).toBeUndefined();
  });

  test('a pod template that Kubernetes refuses is InvalidSpec in its words, and mends itself', async () => {
    await world.start();
    await world.make({ app: { ...app, podTemplate: { spec: { volumes: [{ name: 'NO' }] } } } });
    const { message } = await world.says('Stalled', 'InvalidSpec');
    expect(message).toMatch(/refuses Deployment demo.*spec\.template\.spec\.volumes/);
    await world.change({ app: { podTemplate: null } });
    await world.exists('Deployment', 'demo');
    await world.says('Stalled', 'NotStalled');
  });

  test('Events tell transitions, once each', async () => {
    const operator = await world.start();
    await world.make({ app, paused: true });
    await world.says('Paused', 'PausedByUser');
    await world.quiet(operator);
    const events = (await world.objects.list('Event', { namespace: world.namespace })).filter(
      ({ reason }) => reason === 'PausedTrue',
    );
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ type: 'Normal', note: expect.stringContaining('PausedByUser') });
  });

  test('an operator that died after any of its writes is followed by one that finishes the work', async () => {
    const whole = await world.start();
    await world.make({ app, autoscaling }, 'whole');
    await world.exists('HorizontalPodAutoscaler', 'whole');
    await world.quiet(whole);
    await world.stop();
    for (let writes = 0; writes < whole.writes.length; writes += 2) {
      const name = `after-${writes}`;
      await world.make({ app, autoscaling }, name);
      const dying = await world.start(world.recording(writes));
      await eventually('it died', () => dying.writes.length > writes);
      await world.stop();
      const next = await world.start();
      await world.exists('HorizontalPodAutoscaler', name);
      await world.quiet(next, 500);
      expect((await world.get('Deployment', name)).spec?.template.spec?.containers[0]?.image).toBe(
        'example:1',
      );
      expect((await world.get('Lease', `${name}-leader`)).metadata.ownerReferences).toHaveLength(1);
      await world.stop();
    }
  });
});
