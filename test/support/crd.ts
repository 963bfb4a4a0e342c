import { readFileSync } from 'node:fs';
import type { KubeHttp } from '@hyperpage/runtime';
import { parse } from 'yaml';
import { eventually } from './eventually.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Installs the CRD of `crds/` and waits until the API server serves it. */
export async function installCrd(http: KubeHttp): Promise<void> {
  const text = readFileSync(
    new URL('../../crds/hyperpage.dev_hyperpageclusters.yaml', import.meta.url),
    'utf8',
  );
  const crd = parse(text) as { metadata: { name: string } };
  const path = `${CRDS}/${crd.metadata.name}`;
  await http.request({
    method: 'PATCH',
    path,
    query: { fieldManager: 'test', force: true },
    contentType: 'application/apply-patch+yaml',
    body: crd,
  });
  await eventually('the CRD is served', async () => {
    const { status } = await http.request<{
      status?: { conditions?: Array<{ type: string; status: string }> };
    }>({
      method: 'GET',
      path,
    });
    const established = status?.conditions?.find(({ type }) => type === 'Established')?.status === 'True';
    return (
      established &&
      (await http.request({ method: 'GET', path: '/apis/hyperpage.dev/v1alpha1' }).then(
        () => true,
        () => false,
      ))
    );
  });
}
