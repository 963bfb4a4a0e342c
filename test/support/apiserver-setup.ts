import { type ApiServer, startApiServer } from './apiserver.ts';

/** Jest's global set-up of the tier `apiserver`: one API server for all its files; each test makes a namespace. */
export default async function setUp(): Promise<void> {
  const server = await startApiServer();
  process.env['HYPERPAGE_TEST_KUBECONFIG'] = server.kubeconfigPath;
  (globalThis as { hyperpageApiServer?: ApiServer }).hyperpageApiServer = server;
}
