import { readFileSync } from 'node:fs';
import { API_VERSION, type HyperpageCluster, KIND } from '@hyperpage/contract';
import { KubeError, type KubeHttp } from '@hyperpage/runtime';
import { parse } from 'yaml';
import { freshNamespace, sharedApiServer } from '../support/apiserver.ts';
import { installCrd } from '../support/crd.ts';

const collection = (namespace: string) => `/apis/${API_VERSION}/namespaces/${namespace}/hyperpageclusters`;

describe('the custom resource', () => {
  let http: KubeHttp;
  let namespace: string;

  beforeAll(async () => {
    ({ http } = await sharedApiServer());
    await installCrd(http);
    namespace = await freshNamespace(http, 'crd');
  });
  afterAll(() => http.close());

  const create = (spec: unknown, name = 'demo') =>
    http.request<HyperpageCluster>({
      method: 'POST',
      path: collection(namespace),
      query: { fieldValidation: 'Strict', dryRun: 'All' },
      body: { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec },
    });
  const refusal = async (request: Promise<unknown>): Promise<string> => {
    const error = await request.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof KubeError)) throw new Error('it was accepted');
    expect([400, 422]).toContain(error.status);
    return error.message;
  };

  test('an image is all that a user has to write', async () => {
    const { spec } = await create({ app: { image: 'x' } });
    expect(spec).toEqual({
      app: {
        image: 'x',
        port: 3000,
        replicas: 3,
        probes: {},
        resources: {
          requests: { cpu: '100m', memory: '512Mi' },
          limits: { cpu: '500m', memory: '1Gi' },
        },
      },
      redis: {
        mode: 'Sentinel',
        replicas: 3,
        image: 'redis:7-alpine',
        resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '512Mi' } },
      },
      sidecar: {
        image: 'hyperpage/sidecar:0.1.0',
        port: 7070,
        logLevel: 'info',
        resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
      },
      sessions: {
        ttlSeconds: 86400,
        cleanupIntervalMinutes: 60,
        fallbackToMemory: true,
        acknowledge: 'Replica',
        secureCookie: true,
        bindIp: false,
        nearCacheMs: 1000,
      },
      coordination: {
        enabled: true,
        channelPrefix: 'hyperpage:coord',
        highPriorityThreshold: 100,
        normalPriorityThreshold: 500,
      },
      leaderElection: { enabled: true, timeoutMs: 30000, heartbeatIntervalMs: 10000, promiseMs: 600 },
      networkPolicy: { enabled: true },
      paused: false,
      deletionPolicy: 'Retain',
    });
  });

  test('a part that is written in part gets the other defaults of that part', async () => {
    const { spec } = await create({
      app: { image: 'x' },
      redis: { replicas: 5 },
      sessions: { ttlSeconds: 60 },
    });
    expect(spec.redis).toMatchObject({ mode: 'Sentinel', replicas: 5, image: 'redis:7-alpine' });
    expect(spec.sessions).toMatchObject({ ttlSeconds: 60, acknowledge: 'Replica' });
  });

  test('what the operator does not own passes as it is', async () => {
    const app = {
      image: 'x',
      env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      podTemplate: { spec: { tolerations: [{ key: 'a', operator: 'Exists' }] } },
      probes: { liveness: { tcpSocket: { port: 'http' } } },
    };
    expect((await create({ app })).spec.app).toMatchObject(app);
  });

  const app = { image: 'x' };
  const wrong: Array<[what: string, spec: unknown, says: RegExp]> = [
    ['no spec at all', undefined, /spec: Required value/],
    ['no app', {}, /spec\.app: Required value/],
    ['no image', { app: {} }, /spec\.app\.image: Required value/],
    ['an empty image', { app: { image: '' } }, /spec\.app\.image.*at least 1 char/],
    ['an unknown field', { app: { ...app, immage: 'y' } }, /unknown field "spec\.app\.immage"/],
    ['a port that is none', { app: { ...app, port: 70000 } }, /spec\.app\.port.*less than or equal to 65535/],
    [
      "the sidecar's port",
      { app: { ...app, port: 7071 } },
      /port 7071 is the sidecar's; let the app listen on another/,
    ],
    [
      'one port twice',
      { app: { ...app, port: 7070 } },
      /app\.port and sidecar\.port are the same.*change one/,
    ],
    [
      'fewer than no pods',
      { app: { ...app, replicas: -1 } },
      /spec\.app\.replicas.*greater than or equal to 0/,
    ],
    [
      "the operator's variables",
      { app: { ...app, env: [{ name: 'PORT', value: '1' }] } },
      /are set by the operator: remove them/,
    ],
    ['a variable twice', { app: { ...app, env: [{ name: 'A' }, { name: 'A' }] } }, /Duplicate value/],
    [
      'a variable without a name',
      { app: { ...app, env: [{ value: '1' }] } },
      /env\[0\]\.name: Required value/,
    ],
    [
      'a quantity that is none',
      { app: { ...app, resources: { requests: { cpu: 'many' } } } },
      /spec\.app\.resources\.requests\.cpu/,
    ],
    [
      'a pull policy that is none',
      { app: { ...app, imagePullPolicy: 'Sometimes' } },
      /supported values: "Always", "IfNotPresent", "Never"/,
    ],
    [
      'min above max',
      { app, autoscaling: { min: 5, max: 4 } },
      /min must not be above max: lower min or raise max/,
    ],
    ['no max', { app, autoscaling: { min: 5 } }, /spec\.autoscaling\.max: Required value/],
    [
      'a mode that is none',
      { app, redis: { mode: 'Cluster' } },
      /supported values: "Standalone", "Sentinel", "External"/,
    ],
    [
      'two Sentinels',
      { app, redis: { replicas: 2 } },
      /at least 3 replicas.*write replicas: 3, or mode: Standalone/,
    ],
    [
      'External without a URL',
      { app, redis: { mode: 'External' } },
      /External needs it: name the Secret that holds the URL/,
    ],
    [
      'a URL without External',
      { app, redis: { urlSecretRef: { name: 'a' } } },
      /urlSecretRef belongs to mode External/,
    ],
    [
      'volumes in mode External',
      { app, redis: { mode: 'External', urlSecretRef: { name: 'a' }, storage: { size: '1Gi' } } },
      /of no use in mode External: remove them/,
    ],
    ['a volume of nothing', { app, redis: { storage: { size: '0' } } }, /storage\.size must be above zero/],
    [
      'a directive that is the operator’s',
      { app, redis: { config: { requirepass: 'x' } } },
      /redis\.config holds a directive that the operator sets/,
    ],
    [
      'a directive that smuggles in another one',
      { app, redis: { config: { 'maxmemory-policy': 'noeviction\nrequirepass x' } } },
      /redis\.config takes directives as redis\.conf has them/,
    ],
    ['memory in words', { app, redis: { maxMemory: 'half' } }, /spec\.redis\.maxMemory.*should match/],
    [
      'a sidecar that nobody can bind',
      { app, sidecar: { port: 80 } },
      /spec\.sidecar\.port.*greater than or equal to 1024/,
    ],
    [
      "the sidecar's own port twice",
      { app, sidecar: { port: 7071 } },
      /is the sidecar's own.*write another one, such as 7070/,
    ],
    ['a loud log', { app, sidecar: { logLevel: 'loud' } }, /supported values: "trace"/],
    [
      'a Lease shorter than two heartbeats',
      { app, leaderElection: { timeoutMs: 6000 } },
      /at least twice heartbeatIntervalMs.*raise timeoutMs or lower/,
    ],
    ['a Lease of half seconds', { app, leaderElection: { timeoutMs: 30500 } }, /timeoutMs.*multiple of 1000/],
    [
      'a promise that a pause of a pod outlasts',
      { app, leaderElection: { promiseMs: 100 } },
      /promiseMs must be 0 \(off\), or from 200 to half of timeoutMs/,
    ],
    ['a prefix with spaces', { app, coordination: { channelPrefix: 'a b' } }, /channelPrefix.*should match/],
    [
      'a callback that is no path',
      { app, coordination: { callbackPath: 'messages' } },
      /callbackPath.*should match/,
    ],
    [
      'sessions that live for nothing',
      { app, sessions: { ttlSeconds: 0 } },
      /ttlSeconds.*greater than or equal to 1/,
    ],
    [
      'an acknowledgement by all',
      { app, sessions: { acknowledge: 'All' } },
      /supported values: "Primary", "Replica"/,
    ],
    [
      'text for a number',
      { app: { ...app, replicas: 'three' } },
      /spec\.app\.replicas.*must be of type integer/,
    ],
  ];
  test.each(wrong)('%s is refused with a message that helps', async (_what, spec, says) => {
    expect(await refusal(create(spec))).toMatch(says);
  });

  test.each([
    ['a name with a dot', 'my.app', /begin with a letter and use only a-z, 0-9 and -/],
    ['a name that begins with a digit', '1app', /begin with a letter/],
    ['a name whose pods would not fit', 'a'.repeat(41), /write at most 40 characters/],
  ])('%s is refused with a message that helps', async (_what, name, says) => {
    expect(await refusal(create({ app }, name))).toMatch(says);
  });

  describe('once it exists', () => {
    const patch = (name: string, spec: object) =>
      http.request<HyperpageCluster>({
        method: 'PATCH',
        path: `${collection(namespace)}/${name}`,
        contentType: 'application/merge-patch+json',
        body: { spec },
      });
    const make = async (name: string, spec: object) => {
      await http.request({
        method: 'POST',
        path: collection(namespace),
        body: { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec },
      });
    };
    beforeAll(async () => {
      await make('stored', { app, redis: { storage: { size: '1Gi', storageClassName: 'fast' } } });
      await make('ephemeral', { app });
    });

    const changes: Array<[what: string, name: string, spec: object, says: RegExp]> = [
      [
        'another mode',
        'ephemeral',
        { redis: { mode: 'Standalone' } },
        /redis\.mode can only change from Standalone to Sentinel/,
      ],
      ['TLS', 'ephemeral', { redis: { tls: { secretName: 'a' } } }, /tls cannot be added or removed later/],
      [
        'a smaller volume',
        'stored',
        { redis: { storage: { size: '512Mi' } } },
        /storage\.size can only grow/,
      ],
      [
        'another storage class',
        'stored',
        { redis: { storage: { storageClassName: 'slow' } } },
        /storageClassName is fixed/,
      ],
      [
        'no volume any more',
        'stored',
        { redis: { storage: null } },
        /storage cannot be added or removed later/,
      ],
      [
        'a volume all at once',
        'ephemeral',
        { redis: { storage: { size: '1Gi' } } },
        /storage cannot be added or removed later/,
      ],
    ];
    test.each(changes)('%s is refused with a message that helps', async (_what, name, spec, says) => {
      expect(await refusal(patch(name, spec))).toMatch(says);
    });

    test('more Redis pods are taken, and fewer as well, but not fewer than elect', async () => {
      expect((await patch('ephemeral', { redis: { replicas: 5 } })).spec.redis.replicas).toBe(5);
      expect((await patch('ephemeral', { redis: { replicas: 3 } })).spec.redis.replicas).toBe(3);
      expect(await refusal(patch('ephemeral', { redis: { replicas: 2 } }))).toMatch(/at least 3 replicas/);
    });

    test('a Redis that stands alone can become one with Sentinels, and not the other way round', async () => {
      await make('alone', { app, redis: { mode: 'Standalone' } });
      expect((await patch('alone', { redis: { mode: 'Sentinel' } })).spec.redis.mode).toBe('Sentinel');
      expect(await refusal(patch('alone', { redis: { mode: 'Standalone' } }))).toMatch(/write the old mode/);
    });

    test('a larger volume, in whatever unit, is taken', async () => {
      expect(
        (await patch('stored', { redis: { storage: { size: '2048Mi' } } })).spec.redis.storage?.size,
      ).toBe('2048Mi');
    });

    test('kubectl scale finds the number of pods', async () => {
      const path = `${collection(namespace)}/stored/scale`;
      const body = { spec: { replicas: 7 } };
      await http.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
      const scale = await http.request<{ spec: { replicas: number } }>({ method: 'GET', path });
      expect(scale.spec.replicas).toBe(7);
    });
  });

  test('every sample is accepted', async () => {
    for (const name of ['minimal', 'standalone', 'external', 'demo']) {
      const text = readFileSync(new URL(`../../manifests/samples/${name}.yaml`, import.meta.url), 'utf8');
      const documents = text.split(/^---$/m).map((document) => parse(document) as HyperpageCluster);
      const cluster = documents.find(({ kind }) => kind === KIND);
      await expect(create(cluster?.spec, `sample-${name}`)).resolves.toBeDefined();
    }
  });

  test('kubectl get shows whether it is ready, how many pods, who leads and how Redis is', async () => {
    const crd = await http.request<{
      spec: { versions: Array<{ additionalPrinterColumns: Array<{ name: string; priority?: number }> }> };
    }>({
      method: 'GET',
      path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/hyperpageclusters.hyperpage.dev',
    });
    const columns = crd.spec.versions[0]?.additionalPrinterColumns ?? [];
    expect(columns.filter(({ priority }) => !priority).map(({ name }) => name)).toEqual([
      'Ready',
      'Replicas',
      'Leader',
      'Redis',
      'Age',
    ]);
  });
});
