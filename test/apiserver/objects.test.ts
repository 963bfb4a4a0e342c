import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKubeHttp, isStatus, type KubeHttp, silentLogger } from '@hyperpage/runtime';
import {
  createEventRecorder,
  createObjectClient,
  findEndpoint,
  type Manifest,
  type ObjectClient,
  type Stored,
} from '../../operator/src/kube/index.ts';
import { freshNamespace, sharedApiServer } from '../support/apiserver.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('object client', () => {
  let http: KubeHttp;
  let objects: ObjectClient;
  let namespace: string;

  beforeAll(async () => {
    ({ http } = await sharedApiServer());
    objects = createObjectClient(http);
  });
  afterAll(() => http.close());
  beforeEach(async () => {
    namespace = await freshNamespace(http, 'objects');
  });

  const deployment = (more: object = {}): Manifest<'Deployment'> => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: 'web' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'app', image: 'example:1' }] },
      },
      ...more,
    },
  });
  const key = () => ({ namespace, name: 'web' });
  /** As another client would: with a field manager of its own. */
  const asSomeoneElse = (body: object) =>
    http.request<Stored<'Deployment'>>({
      method: 'PATCH',
      path: `/apis/apps/v1/namespaces/${namespace}/deployments/web`,
      query: { fieldManager: 'someone-else' },
      contentType: 'application/merge-patch+json',
      body,
    });
  const refusal = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  test('get gives undefined for what does not exist', async () => {
    expect(await objects.get('Deployment', key())).toBeUndefined();
  });

  test('apply creates what is missing, and the same again changes nothing', async () => {
    const first = await objects.apply(deployment());
    expect(first.metadata.managedFields?.[0]).toMatchObject({
      manager: 'hyperpage-operator',
      operation: 'Apply',
    });
    const second = await objects.apply(deployment());
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  test('apply puts back a drifted field that it owns', async () => {
    await objects.apply(deployment());
    await asSomeoneElse({ spec: { template: { spec: { containers: [{ name: 'app', image: 'evil:1' }] } } } });
    const { spec } = await objects.apply(deployment());
    expect(spec?.template.spec?.containers[0]?.image).toBe('example:1');
  });

  test("apply leaves a field that it never named to whoever set it: an HPA's replicas", async () => {
    await objects.apply(deployment());
    await asSomeoneElse({ spec: { replicas: 7 }, metadata: { labels: { theirs: 'yes' } } });
    const { spec, metadata } = await objects.apply(deployment({ minReadySeconds: 3 }));
    expect(spec).toMatchObject({ replicas: 7, minReadySeconds: 3 });
    expect(metadata.labels).toEqual({ theirs: 'yes' });
  });

  test('a field that apply no longer names is removed', async () => {
    await objects.apply(deployment({ minReadySeconds: 3 }));
    const { spec } = await objects.apply(deployment());
    expect(spec?.minReadySeconds).toBeUndefined();
  });

  test('apply with the UID of an object that is gone, or was made anew since, is refused', async () => {
    const old = await objects.apply(deployment());
    const stale = deployment();
    stale.metadata.uid = old.metadata.uid;
    await objects.delete('Deployment', key());
    expect(await refusal(objects.apply(stale))).toMatchObject({ status: 409, reason: 'Conflict' });
    const anew = await objects.apply(deployment());
    expect(await refusal(objects.apply(stale))).toMatchObject({ status: 422, reason: 'Invalid' });
    expect((await objects.get('Deployment', key()))?.metadata.resourceVersion).toBe(
      anew.metadata.resourceVersion,
    );
  });

  test('applyStatus writes the status and nothing else', async () => {
    await objects.apply(deployment());
    const { apiVersion, kind } = deployment();
    const given = await objects.applyStatus<'Deployment'>({
      apiVersion,
      kind,
      metadata: key(),
      status: { observedGeneration: 1, replicas: 2 },
    });
    expect(given.status).toMatchObject({ observedGeneration: 1, replicas: 2 });
    expect(given.metadata.generation).toBe(1);
  });

  test('create refuses a name that is taken, with a reason', async () => {
    await objects.create(deployment());
    expect(await refusal(objects.create(deployment()))).toMatchObject({
      status: 409,
      reason: 'AlreadyExists',
    });
  });

  test('patch merges, and with a resourceVersion it is conditional', async () => {
    const { metadata } = await objects.create(deployment());
    const { resourceVersion } = metadata;
    const patched = await objects.patch('Deployment', key(), {
      metadata: { resourceVersion, annotations: { a: 'b' } },
    });
    expect(patched.metadata.annotations).toEqual({ a: 'b' });
    const again = objects.patch('Deployment', key(), {
      metadata: { resourceVersion, annotations: { a: 'c' } },
    });
    expect(await refusal(again)).toMatchObject({ status: 409, reason: 'Conflict' });
  });

  test('delete says whether there was anything, and keeps to its preconditions', async () => {
    expect(await objects.delete('Deployment', key())).toBe(false);
    const { metadata } = await objects.create(deployment());
    const other = objects.delete('Deployment', key(), { uid: '00000000-0000-0000-0000-000000000000' });
    expect(isStatus(await refusal(other), 409)).toBe(true);
    expect(await objects.delete('Deployment', key(), { uid: metadata.uid })).toBe(true);
    expect(await objects.get('Deployment', key())).toBeUndefined();
  });

  test('list gives objects with their kind, of one namespace or all, by label', async () => {
    await objects.create(deployment());
    const [listed] = await objects.list('Deployment', { namespace });
    expect(listed).toMatchObject({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: key() });
    expect(await objects.list('Deployment', { labelSelector: 'app=nobody' })).toEqual([]);
    expect((await objects.list('Deployment')).some((one) => one.metadata.namespace === namespace)).toBe(true);
  });

  test('an invalid object is refused with the field that is wrong', async () => {
    const wrong = deployment({ selector: { matchLabels: { app: 'other' } } });
    const error = await refusal(objects.apply(wrong));
    expect(error).toMatchObject({ status: 422, reason: 'Invalid' });
    expect((error as Error).message).toContain('`selector` does not match template `labels`');
  });

  test('a kubeconfig leads to the API server', async () => {
    const { kubeconfigPath } = await sharedApiServer();
    const client = createKubeHttp(await findEndpoint({ KUBECONFIG: kubeconfigPath }));
    expect(await createObjectClient(client).list('Deployment', { namespace })).toEqual([]);
    client.close();
  });

  test('a kubeconfig that is missing, broken or without a context says what to do', async () => {
    await expect(findEndpoint({ KUBECONFIG: '/nowhere' })).rejects.toThrow(
      'the kubeconfig cannot be read: ENOENT',
    );
    await expect(findEndpoint({ HOME: '/nowhere' })).rejects.toThrow('no cluster: set KUBECONFIG');
    const path = join(tmpdir(), `hyperpage-kubeconfig-${process.pid}`);
    await writeFile(path, '{"apiVersion":"v1","kind":"Config"}');
    await expect(findEndpoint({ KUBECONFIG: path })).rejects.toThrow('has no current context');
  });

  describe('event recorder', () => {
    const event = {
      type: 'Warning',
      reason: 'NoPrimary',
      action: 'Reconcile',
      note: 'no pod is primary',
    } as const;
    const create = (clock: VirtualClock) =>
      createEventRecorder({ http, clock, log: silentLogger, instance: 'operator-0' });

    test('writes an event that names its object; repeated, it is counted', async () => {
      const regarding = await objects.apply(deployment());
      const clock = new VirtualClock();
      const recorder = create(clock);
      for (let i = 0; i < 50; i++) recorder.record(regarding, event);
      await clock.advance(60_000);
      recorder.record(regarding, event);
      await recorder.stop();
      const written = await objects.list('Event', { namespace });
      expect(written).toHaveLength(1);
      expect(written[0]).toMatchObject({
        type: 'Warning',
        reason: 'NoPrimary',
        note: 'no pod is primary',
        reportingController: 'hyperpage.dev/operator',
        regarding: { kind: 'Deployment', name: 'web', namespace, uid: regarding.metadata.uid },
        series: { count: 51 },
      });
    });

    test('a flood of different events is bounded, and a long note is cut', async () => {
      const regarding = await objects.apply(deployment());
      const recorder = create(new VirtualClock());
      for (let i = 0; i < 500; i++)
        recorder.record(regarding, { ...event, note: `${i} ${'ü'.repeat(2000)}` });
      await recorder.stop();
      const written = await objects.list('Event', { namespace });
      expect(written).toHaveLength(25);
      expect(Buffer.byteLength(written[0]?.note ?? '')).toBeLessThanOrEqual(1024);
    });
  });
});
