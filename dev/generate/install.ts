import { GROUP, IMAGES, LABELS, PLURAL, PORTS, PRODUCT_VERSION } from '@hyperpage/contract';

/** Everything that `kubectl apply -f manifests/install.yaml` installs, but the CRD. */

const NAMESPACE = 'hyperpage-system';
const NAME = 'hyperpage-operator';
const USER = 65532;

const selector = { [LABELS.name]: NAME };
const labels = { ...selector, [LABELS.partOf]: 'hyperpage', 'app.kubernetes.io/version': PRODUCT_VERSION };
const metadata = { name: NAME, namespace: NAMESPACE, labels };

export const namespace = () => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: NAMESPACE,
    labels: { ...labels, 'pod-security.kubernetes.io/enforce': 'restricted' },
  },
});

const WRITE = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const READ = ['get', 'list', 'watch'];
const rule = (group: string, resources: string[], verbs: string[]) => ({
  apiGroups: [group],
  resources,
  verbs,
});

/** Least privilege: what the operator owns it writes; of pods it deletes those of Redis, one by one, to have them made
 *  anew; a Secret it makes once, and changes only to rotate a password. */
const clusterRole = () => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: NAME, labels },
  rules: [
    rule(GROUP, [PLURAL], READ),
    rule(GROUP, [`${PLURAL}/status`], ['patch']),
    // blockOwnerDeletion in owner references asks for it, where that admission plugin is on.
    rule(GROUP, [`${PLURAL}/finalizers`], ['update']),
    rule('', ['services', 'serviceaccounts', 'configmaps'], WRITE),
    rule('', ['secrets'], [...READ, 'create', 'patch']),
    rule('', ['pods'], ['list', 'watch', 'delete']),
    rule('', ['persistentvolumeclaims'], ['list', 'watch', 'patch']),
    rule('apps', ['deployments', 'statefulsets'], WRITE),
    rule('autoscaling', ['horizontalpodautoscalers'], WRITE),
    rule('policy', ['poddisruptionbudgets'], WRITE),
    rule('networking.k8s.io', ['networkpolicies'], WRITE),
    rule('rbac.authorization.k8s.io', ['roles', 'rolebindings'], WRITE),
    // update and patch: nobody may grant what they do not have, and the sidecars need them on their Lease.
    rule('coordination.k8s.io', ['leases'], [...READ, 'create', 'update', 'patch', 'delete']),
    rule('events.k8s.io', ['events'], ['create', 'patch']),
  ],
});

const binding = () => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: NAME, labels },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: NAME },
  subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE }],
});

/** Without a spec: never held, so that the first operator leads at once, and nothing that a later apply would reset. */
const lease = () => ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata });

const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const probe = (path: string) => ({ httpGet: { path, port: 'http' }, periodSeconds: 10, timeoutSeconds: 5 });

const container = () => ({
  name: 'operator',
  image: IMAGES.operator,
  env: [
    fromField('HYPERPAGE_OPERATOR_POD_NAME', 'metadata.name'),
    fromField('HYPERPAGE_OPERATOR_NAMESPACE', 'metadata.namespace'),
  ],
  ports: [{ name: 'http', containerPort: PORTS.operatorMetrics }],
  resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '512Mi' } },
  livenessProbe: { ...probe('/healthz'), initialDelaySeconds: 10 },
  readinessProbe: probe('/readyz'),
  securityContext: {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
  },
});

const deployment = () => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata,
  spec: {
    // Two are fine too: one leads, the other waits with warm caches.
    replicas: 1,
    selector: { matchLabels: selector },
    template: {
      metadata: {
        labels,
        annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(PORTS.operatorMetrics) },
      },
      spec: {
        serviceAccountName: NAME,
        terminationGracePeriodSeconds: 30,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: USER,
          runAsGroup: USER,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        containers: [container()],
      },
    },
  },
});

export const operatorObjects = () => [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
  clusterRole(),
  binding(),
  lease(),
  deployment(),
];
