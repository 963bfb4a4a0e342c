import { APP_URL_ENV, type HyperpageCluster, namesOf } from '@hyperpage/contract';
import type { Manifest } from '../kube/index.ts';
import { mergeOver } from './merge.ts';
import { labelsOf } from './meta.ts';
import { type Container, fromField, RESTRICTED, sidecarContainer, sidecarVolumes } from './sidecar.ts';
import { spread } from './spread.ts';

type PodTemplate = NonNullable<Manifest<'Deployment'>['spec']>['template'];
type PodSpec = NonNullable<PodTemplate['spec']>;

export const APP_CONTAINER = 'app';

/** Seconds that a pod gets to stop by default: the app drains, then the sidecar hands over and drains. */
export const DEFAULT_GRACE_SECONDS = 45;
/** Below this the sidecar may be killed before it has handed over. */
export const LEAST_GRACE_SECONDS = 15;

/** The app's pods, in three layers: what the user may overrule (defaults), the user's `podTemplate`, and what must
 *  hold (the sidecar, the labels, what `spec.app` says). */
export function appPodTemplate(cluster: HyperpageCluster): PodTemplate {
  const merged = mergeOver(
    mergeOver(defaults(cluster), cluster.spec.app.podTemplate),
    mandatory(cluster),
  ) as PodTemplate;
  const spec = merged.spec as PodSpec;
  const sidecar = sidecarContainer(cluster);
  const others = (spec.initContainers ?? []).filter((container) => container.name !== sidecar.name);
  // The sidecar comes first, so that init containers of the user's find it there already.
  return { ...merged, spec: { ...spec, initContainers: [sidecar, ...others] } };
}

const defaults = (cluster: HyperpageCluster) => ({
  metadata: { annotations: { 'kubectl.kubernetes.io/default-container': APP_CONTAINER } },
  spec: {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: DEFAULT_GRACE_SECONDS,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    ...spread(cluster, 'app'),
    containers: [
      {
        name: APP_CONTAINER,
        securityContext: RESTRICTED,
        volumeMounts: [{ name: 'hyperpage-tmp', mountPath: '/tmp' }],
      },
    ],
  },
});

const mandatory = (cluster: HyperpageCluster) => ({
  metadata: { labels: labelsOf(cluster, 'app') },
  spec: {
    serviceAccountName: namesOf(cluster.metadata.name).app,
    containers: [appContainer(cluster)],
    volumes: [{ name: 'hyperpage-tmp', emptyDir: {} }, ...sidecarVolumes(cluster)],
  },
});

function appContainer(cluster: HyperpageCluster): Container {
  const { app, sidecar } = cluster.spec;
  const probe = (path: string, timing: object) => ({
    httpGet: { path, port: 'http', scheme: 'HTTP' },
    timeoutSeconds: 5,
    ...timing,
  });
  const { liveness, readiness, startup } = app.probes;
  return {
    name: APP_CONTAINER,
    image: app.image,
    ...(app.imagePullPolicy ? { imagePullPolicy: app.imagePullPolicy } : {}),
    ...(app.command ? { command: app.command } : {}),
    ...(app.args ? { args: app.args } : {}),
    ports: [{ name: 'http', containerPort: app.port, protocol: 'TCP' }],
    env: [
      { name: APP_URL_ENV, value: `http://127.0.0.1:${sidecar.port}` },
      fromField('HYPERPAGE_POD_NAME', 'metadata.name'),
      { name: 'PORT', value: String(app.port) },
      ...((app.env ?? []) as NonNullable<Container['env']>),
    ],
    ...(app.envFrom ? { envFrom: app.envFrom } : {}),
    resources: app.resources as NonNullable<Container['resources']>,
    livenessProbe: liveness ?? probe('/api/health', { initialDelaySeconds: 30, periodSeconds: 30 }),
    readinessProbe:
      readiness ?? probe('/api/sessions?check=ready', { initialDelaySeconds: 5, periodSeconds: 10 }),
    ...(startup ? { startupProbe: startup } : {}),
  };
}
