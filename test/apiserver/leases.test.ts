import { createKubeHttp, createKubeLeases, type KubeHttp } from '@hyperpage/runtime';
import { freshNamespace, sharedApiServer } from '../support/apiserver.ts';
import { describeLeasePort } from '../support/lease-port-suite.ts';

describe('Leases in Kubernetes', () => {
  let http: KubeHttp;
  let namespace: string;
  let count = 0;
  beforeAll(async () => {
    ({ http } = await sharedApiServer());
    namespace = await freshNamespace(http, 'leases');
  });
  afterAll(() => http.close());

  describeLeasePort(async () => {
    count += 1;
    const name = `leader-${count}`;
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`;
    return {
      port: createKubeLeases({ http, namespace, name, requestTimeoutMs: 5000 }),
      name,
      namespace,
      remove: async () => void (await http.request({ method: 'DELETE', path })),
    };
  });

  test('a request that nobody answers is a failed read, and a write that may have been done', async () => {
    const nobody = createKubeHttp({ server: 'http://127.0.0.1:9' });
    const port = createKubeLeases({ http: nobody, namespace, name: 'leader', requestTimeoutMs: 500 });
    expect((await port.read()).kind).toBe('failed');
    expect((await port.update({ metadata: { name: 'leader' } })).kind).toBe('unknown');
    nobody.close();
  });

  test('a write that the API server finds invalid is refused', async () => {
    const port = createKubeLeases({ http, namespace, name: 'bad', requestTimeoutMs: 5000 });
    const lease = { metadata: { name: 'bad', namespace }, spec: { leaseDurationSeconds: -1 } };
    expect((await port.create(lease)).kind).toBe('refused');
  });
});
