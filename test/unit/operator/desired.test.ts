import { readFileSync, writeFileSync } from 'node:fs';
import { PEER_KEY_FILE, REDIS_PASSWORD_FILE, SIDECAR_SETTINGS } from '@hyperpage/contract';
import { readSettings } from '@hyperpage/runtime';
import {
  desiredObjects,
  initialReplicas,
  leaderLease,
  peerKeySecret,
  withDigest,
} from '../../../operator/src/desired/index.ts';
import type { Manifest } from '../../../operator/src/kube/index.ts';
import { clusterOf, UID } from './fixtures.ts';

type Cluster = ReturnType<typeof clusterOf>;
const context = { operatorNamespace: 'hyperpage-system' };
const all = (cluster: Cluster) => desiredObjects(cluster, context);
function find<K extends Manifest['kind']>(cluster: Cluster, kind: K, name?: string): Manifest<K> {
  const found = all(cluster).find((each) => each.kind === kind && (!name || each.metadata.name === name));
  if (!found) throw new Error(`there is no ${kind}`);
  return found as unknown as Manifest<K>;
}
const podSpec = (cluster: Cluster) => find(cluster, 'Deployment').spec!.template.spec!;
const appContainer = (cluster: Cluster) => podSpec(cluster).containers.find(({ name }) => name === 'app')!;
const sidecar = (cluster: Cluster) => podSpec(cluster).initContainers![0]!;
const redisPod = (cluster: Cluster) => find(cluster, 'StatefulSet').spec!.template.spec!;

/** Pod templates, byte for byte: a change of one restarts every pod of every user at the next operator upgrade.
 *  Meant to? Then run with HYPERPAGE_WRITE_GOLDEN=1 and say so in the CHANGELOG. */
describe('pod templates do not change with the operator', () => {
  const clusters = {
    defaults: clusterOf(),
    standalone: clusterOf({ redis: { mode: 'Standalone', storage: { size: '1Gi' }, maxMemory: '100mb' } }),
    external: clusterOf({ redis: { mode: 'External', urlSecretRef: { name: 'mine', key: 'url' } } }),
    everything: clusterOf({
      app: {
        command: ['node'],
        args: ['a.js'],
        imagePullPolicy: 'Always',
        env: [{ name: 'A', value: '1' }],
        envFrom: [{ configMapRef: { name: 'c' } }],
        probes: { startup: { tcpSocket: { port: 'http' } } },
        podTemplate: {
          metadata: { labels: { team: 'web' } },
          spec: { tolerations: [{ operator: 'Exists' }] },
        },
      },
      autoscaling: { max: 9 },
      coordination: { callbackPath: '/messages' },
      redis: {
        replicas: 5,
        storage: { size: '2Gi', storageClassName: 'fast' },
        authSecretRef: { name: 's', key: 'k' },
      },
    }),
  };
  const templates = Object.entries(clusters).flatMap(([name, cluster]) =>
    all(cluster)
      .filter((each): each is Manifest<'Deployment' | 'StatefulSet'> =>
        ['Deployment', 'StatefulSet'].includes(each.kind),
      )
      .map((each) => ({ file: `${name}-${each.kind.toLowerCase()}.json`, template: each.spec?.template })),
  );
  test.each(templates)('$file', ({ file, template }) => {
    const path = new URL(`golden/${file}`, import.meta.url);
    if (process.env['HYPERPAGE_WRITE_GOLDEN']) writeFileSync(path, `${JSON.stringify(template, null, 2)}\n`);
    const golden: unknown = JSON.parse(readFileSync(path, 'utf8'));
    expect(JSON.parse(JSON.stringify(template))).toEqual(golden);
    expect(JSON.stringify(template)).toBe(JSON.stringify(golden));
  });
});

describe('the app’s pods', () => {
  test('have the sidecar as the first init container, which stays', () => {
    const cluster = clusterOf({
      app: { podTemplate: { spec: { initContainers: [{ name: 'migrate', image: 'm' }] } } },
    });
    expect(podSpec(cluster).initContainers?.map(({ name }) => name)).toEqual(['sidecar', 'migrate']);
    expect(sidecar(cluster).restartPolicy).toBe('Always');
  });

  test('give the sidecar settings that it can read, in every mode', () => {
    const modes = [
      clusterOf(),
      clusterOf({ redis: { mode: 'Standalone' } }),
      clusterOf({ coordination: { callbackPath: '/messages' } }),
    ];
    for (const cluster of modes) {
      const env = Object.fromEntries(
        (sidecar(cluster).env ?? []).map(({ name, value, valueFrom }) => [
          name,
          value ?? (valueFrom?.fieldRef?.fieldPath === 'status.podIP' ? '10.0.0.1' : 'demo-a'),
        ]),
      );
      expect(() => readSettings(SIDECAR_SETTINGS, env)).not.toThrow();
      expect(
        Object.keys(env).every((name) => Object.values(SIDECAR_SETTINGS).some((each) => each.env === name)),
      ).toBe(true);
    }
  });

  test('tell the app where the sidecar is, which pod this is and where to listen', () => {
    const { env } = appContainer(clusterOf({ app: { port: 8000 }, sidecar: { port: 7777 } }));
    expect(env).toEqual([
      { name: 'HYPERPAGE_URL', value: 'http://127.0.0.1:7777' },
      {
        name: 'HYPERPAGE_POD_NAME',
        valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } },
      },
      { name: 'PORT', value: '8000' },
    ]);
  });

  test('give Redis’s password, the peers’ key and the API token to the sidecar and to nobody else', () => {
    const cluster = clusterOf();
    const mounts = (container: { volumeMounts?: Array<{ mountPath: string }> }) =>
      container.volumeMounts?.map(({ mountPath }) => mountPath);
    expect(mounts(sidecar(cluster))).toEqual([
      '/var/run/secrets/kubernetes.io/serviceaccount',
      PEER_KEY_FILE.replace('/key', ''),
      REDIS_PASSWORD_FILE.replace('/password', ''),
    ]);
    expect(mounts(appContainer(cluster))).toEqual(['/tmp']);
    expect(podSpec(cluster).automountServiceAccountToken).toBe(false);
  });

  test('ask for a replica’s acknowledgement only where there are replicas', () => {
    const replicas = (cluster: Cluster) =>
      sidecar(cluster).env?.find(({ name }) => name === 'HYPERPAGE_SESSION_REPLICAS')?.value;
    expect(replicas(clusterOf())).toBe('1');
    expect(replicas(clusterOf({ sessions: { acknowledge: 'Primary' } }))).toBe('0');
    expect(replicas(clusterOf({ redis: { mode: 'Standalone' } }))).toBe('0');
  });

  test('let podTemplate overrule defaults, add what it likes, and change nothing that must hold', () => {
    const cluster = clusterOf({
      app: {
        podTemplate: {
          metadata: { labels: { team: 'web', 'hyperpage.dev/cluster': 'other' } },
          spec: {
            serviceAccountName: 'other',
            terminationGracePeriodSeconds: 90,
            topologySpreadConstraints: [],
            containers: [
              {
                name: 'app',
                image: 'other',
                securityContext: { readOnlyRootFilesystem: false },
                lifecycle: {},
              },
              { name: 'proxy', image: 'proxy:1' },
            ],
            volumes: [{ name: 'extra', emptyDir: {} }],
          },
        },
      },
    });
    const { metadata, spec } = find(cluster, 'Deployment').spec!.template;
    expect(metadata?.labels).toMatchObject({ team: 'web', 'hyperpage.dev/cluster': 'demo' });
    expect(spec).toMatchObject({
      serviceAccountName: 'demo',
      terminationGracePeriodSeconds: 90,
      topologySpreadConstraints: [],
    });
    expect(spec?.containers.map(({ name, image }) => [name, image])).toEqual([
      ['app', 'example:1'],
      ['proxy', 'proxy:1'],
    ]);
    expect(appContainer(cluster)).toMatchObject({
      lifecycle: {},
      securityContext: { readOnlyRootFilesystem: false, allowPrivilegeEscalation: false },
    });
    expect(spec?.volumes?.map(({ name }) => name)).toEqual([
      'extra',
      'hyperpage-tmp',
      'hyperpage-token',
      'hyperpage-peers',
      'hyperpage-redis-auth',
    ]);
  });

  test('have the product’s probes until others are given', () => {
    expect(appContainer(clusterOf())).toMatchObject({
      livenessProbe: { httpGet: { path: '/api/health' }, initialDelaySeconds: 30, periodSeconds: 30 },
      readinessProbe: {
        httpGet: { path: '/api/sessions?check=ready' },
        initialDelaySeconds: 5,
        periodSeconds: 10,
      },
    });
    const readiness = { tcpSocket: { port: 'http' } };
    expect(appContainer(clusterOf({ app: { probes: { readiness } } })).readinessProbe).toEqual(readiness);
  });
});

test.each([
  ['app', podSpec],
  ['Redis', redisPod],
])('%s pods pass the Pod Security Standard restricted', (_name, specOf) => {
  const spec = specOf(clusterOf());
  expect(spec.securityContext).toMatchObject({
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
    });
  }
  expect(spec.volumes?.some((volume) => volume.hostPath)).toBe(false);
});

describe('sidecars, whatever Redis there is,', () => {
  const modes: Array<[string, Cluster]> = [
    ['Sentinel', clusterOf()],
    ['Standalone', clusterOf({ redis: { mode: 'Standalone' } })],
    ['External', clusterOf({ redis: { mode: 'External', urlSecretRef: { name: 'mine', key: 'url' } } })],
  ];
  test.each(modes)(
    'find each other by a headless Service of all app pods, ready or not (%s)',
    (_, cluster) => {
      expect(find(cluster, 'Service', 'demo-peers').spec).toEqual({
        type: 'ClusterIP',
        clusterIP: 'None',
        publishNotReadyAddresses: true,
        selector: { 'hyperpage.dev/cluster': 'demo', 'app.kubernetes.io/component': 'app' },
        ports: [{ name: 'peers', port: 7071, targetPort: 7071, protocol: 'TCP' }],
      });
      expect(sidecar(cluster).env).toContainEqual({ name: 'HYPERPAGE_PEERS_HOST', value: 'demo-peers' });
    },
  );
  test.each(modes)('read the key that they share from its Secret (%s)', (_, cluster) => {
    const { metadata, data } = peerKeySecret(cluster, 'fresh');
    expect(data).toEqual({ key: Buffer.from('fresh').toString('base64') });
    expect(podSpec(cluster).volumes).toContainEqual({
      name: 'hyperpage-peers',
      secret: { secretName: metadata.name, defaultMode: 0o444, items: [{ key: 'key', path: 'key' }] },
    });
    expect(sidecar(cluster).volumeMounts).toContainEqual({
      name: 'hyperpage-peers',
      mountPath: '/run/secrets/hyperpage/peers',
      readOnly: true,
    });
    expect(sidecar(cluster).env).toContainEqual({ name: 'HYPERPAGE_PEER_KEY_FILE', value: PEER_KEY_FILE });
  });
  test('are let through to each other', () => {
    const { podSelector, ingress } = find(clusterOf(), 'NetworkPolicy', 'demo').spec!;
    expect(podSelector).toEqual({ matchLabels: find(clusterOf(), 'Service', 'demo-peers').spec!.selector });
    expect(ingress).toEqual([{ ports: expect.arrayContaining([{ port: 7071, protocol: 'TCP' }]) }]);
  });
});

describe('Redis', () => {
  test('of three has Sentinels, its own name for the primary and a headless Service of both', () => {
    const cluster = clusterOf();
    expect(redisPod(cluster).containers.map(({ name }) => name)).toEqual(['redis', 'sentinel']);
    expect(JSON.stringify(redisPod(cluster))).toContain(`hyperpage-${UID}`);
    expect(find(cluster, 'Service', 'demo-redis').spec).toMatchObject({
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      ports: [{ port: 6379 }, { port: 26379 }],
    });
    expect(find(cluster, 'StatefulSet').spec).toMatchObject({
      replicas: 3,
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'OnDelete' },
    });
  });
  test('alone is one pod without a Sentinel, whatever replicas says', () => {
    const cluster = clusterOf({ redis: { mode: 'Standalone', replicas: 3 } });
    expect(redisPod(cluster).containers.map(({ name }) => name)).toEqual(['redis']);
    expect(find(cluster, 'StatefulSet').spec?.replicas).toBe(1);
  });
  test('of the user’s own gets nothing of ours', () => {
    const cluster = clusterOf({ redis: { mode: 'External', urlSecretRef: { name: 'mine', key: 'url' } } });
    expect(all(cluster).some(({ metadata }) => metadata.name.includes('redis'))).toBe(false);
    expect(sidecar(cluster).env).toContainEqual({
      name: 'REDIS_URL',
      valueFrom: { secretKeyRef: { name: 'mine', key: 'url' } },
    });
  });
  test('keeps the size in its claim template, and its volumes as deletionPolicy says', () => {
    const cluster = clusterOf({ redis: { storage: { size: '5Gi' } }, deletionPolicy: 'Delete' });
    const built = desiredObjects(cluster, { ...context, claimSize: '1Gi' }).find(
      ({ kind }) => kind === 'StatefulSet',
    ) as Manifest<'StatefulSet'> | undefined;
    expect(built?.spec).toMatchObject({
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
      volumeClaimTemplates: [{ spec: { resources: { requests: { storage: '1Gi' } } } }],
    });
  });
  test('is reached by this cluster’s pods and the operator only', () => {
    const ingress = find(clusterOf(), 'NetworkPolicy', 'demo-redis').spec?.ingress;
    expect(ingress).toHaveLength(1);
    expect(ingress?.[0]?.from).toHaveLength(3);
    expect(ingress?.[0]?.ports?.map(({ port }) => port)).toEqual([6379, 26379]);
  });
  test('has no password in what anybody may read', () => {
    const texts = all(clusterOf())
      .filter(({ kind }) => kind !== 'Secret')
      .map((each) => JSON.stringify(each));
    expect(texts.join('')).not.toMatch(/requirepass [^$]/);
  });
});

describe('under an HPA', () => {
  test('the number of pods is not part of what is applied', () => {
    expect(find(clusterOf({ autoscaling: { max: 9 } }), 'Deployment').spec).not.toHaveProperty('replicas');
    expect(find(clusterOf(), 'Deployment').spec?.replicas).toBe(3);
  });
  test.each([
    [1, 3],
    [5, 5],
    [50, 9],
  ])('app.replicas %s begins with %s pods between 3 and 9', (replicas, begins) => {
    expect(initialReplicas(clusterOf({ app: { replicas }, autoscaling: { min: 3, max: 9 } }))).toBe(begins);
  });
});

test('everything is owned by the HyperpageCluster and carries its label', () => {
  for (const { metadata } of all(clusterOf({ autoscaling: { max: 9 } }))) {
    expect(metadata.ownerReferences).toEqual([expect.objectContaining({ uid: UID, controller: true })]);
    expect(metadata.labels).toMatchObject({ 'hyperpage.dev/cluster': 'demo' });
    expect(metadata.namespace).toBe('demo');
  }
});

test('a Lease that was never held lets the first election begin at once; one that was lost makes all wait', () => {
  expect(leaderLease(clusterOf(), { kind: 'neverHeld' })).toMatchObject({
    metadata: { annotations: { 'hyperpage.dev/term': '0' } },
    spec: { holderIdentity: '', leaseDurationSeconds: 30 },
  });
  const nowMs = Date.parse('2026-05-01T12:00:00.123Z');
  expect(leaderLease(clusterOf(), { kind: 'lost', term: 9, nowMs })).toMatchObject({
    metadata: { annotations: { 'hyperpage.dev/term': '9' } },
    spec: { holderIdentity: 'unknown', renewTime: '2026-05-01T12:00:00.123000Z' },
  });
});

test('the digest changes with what is applied and with nothing else', () => {
  const digest = (cluster: Cluster) => withDigest(find(cluster, 'Deployment')).metadata.annotations;
  expect(digest(clusterOf())).toEqual(digest(clusterOf()));
  expect(digest(clusterOf())).not.toEqual(digest(clusterOf({ app: { image: 'example:2' } })));
});
