import { readFileSync } from 'node:fs';
import { createKubeHttp, type KubeEndpoint, type KubeHttp } from '@hyperpage/runtime';
import { parseAllDocuments } from 'yaml';
import { freshNamespace, sharedApiServer } from '../support/apiserver.ts';
import { installCrd } from '../support/crd.ts';
import { OperatorWorld, RecordingHttp } from '../support/operator.ts';

interface Document {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

const PLURALS: Record<string, string> = {
  Namespace: 'api/v1/namespaces',
  ServiceAccount: 'api/v1/namespaces/hyperpage-system/serviceaccounts',
  ClusterRole: 'apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: 'apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  Lease: 'apis/coordination.k8s.io/v1/namespaces/hyperpage-system/leases',
  Deployment: 'apis/apps/v1/namespaces/hyperpage-system/deployments',
};

describe('what install.yaml grants the operator', () => {
  let admin: KubeHttp;
  let endpoint: KubeEndpoint;

  beforeAll(async () => {
    ({ http: admin, endpoint } = await sharedApiServer());
    await installCrd(admin);
    const text = readFileSync(new URL('../../manifests/install.yaml', import.meta.url), 'utf8');
    for (const parsed of parseAllDocuments(text)) {
      const body = parsed.toJS() as Document;
      const collection = PLURALS[body.kind];
      if (!collection) continue;
      await admin.request({
        method: 'PATCH',
        path: `/${collection}/${body.metadata.name}`,
        query: { fieldManager: 'test', force: true, fieldValidation: 'Strict' },
        contentType: 'application/apply-patch+yaml',
        body,
      });
    }
  });
  afterAll(() => admin.close());

  test('is enough for all that it does', async () => {
    const { status } = await admin.request<{ status: { token: string } }>({
      method: 'POST',
      path: '/api/v1/namespaces/hyperpage-system/serviceaccounts/hyperpage-operator/token',
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: 3600 },
      },
    });
    const http = createKubeHttp({ ...endpoint, token: async () => status.token });
    const world = new OperatorWorld(admin, await freshNamespace(admin, 'privileges'));
    try {
      await world.start(new RecordingHttp(http));
      const app = { image: 'example:1' };
      await world.make({ app, redis: { storage: { size: '1Gi' } } });
      await world.exists('Deployment', 'demo');
      await world.change({ autoscaling: { min: 2, max: 4 } });
      await world.exists('HorizontalPodAutoscaler', 'demo');
      await world.change({ autoscaling: null, networkPolicy: { enabled: false } });
      await world.isGone('HorizontalPodAutoscaler', 'demo');
      await world.isGone('NetworkPolicy', 'demo');
      await world.says('Stalled', 'NotStalled');
      const events = await world.objects.list('Event', { namespace: world.namespace });
      expect(events.length).toBeGreaterThan(0);
    } finally {
      await world.stop();
      http.close();
    }
  });
});
