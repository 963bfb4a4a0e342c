import { access } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { delimiter, join } from 'node:path';
import { inClusterEndpoint, type KubeEndpoint } from '@hyperpage/runtime';
import type { KubeConfig } from '@kubernetes/client-node';

type Env = Readonly<Record<string, string | undefined>>;

/** How long a token from a kubeconfig is used before its source is asked again; exec plugins keep their own. */
const TOKEN_AGE_MS = 60_000;

/** Finds the API server: the files that `KUBECONFIG` names, else the pod's own ServiceAccount, else `~/.kube/config`.
 *  @throws Error saying what was looked for and what to set. */
export async function findEndpoint(env: Env): Promise<KubeEndpoint> {
  const named = (env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean);
  if (named.length > 0) return kubeconfigEndpoint(named);
  if (env['KUBERNETES_SERVICE_HOST']) return inClusterEndpoint(env);
  const own = join(env['HOME'] ?? '/', '.kube', 'config');
  const exists = await access(own).then(
    () => true,
    () => false,
  );
  if (exists) return kubeconfigEndpoint([own]);
  throw new Error(`no cluster: set KUBECONFIG, run in a pod, or write ${own}`);
}

async function kubeconfigEndpoint(paths: readonly string[]): Promise<KubeEndpoint> {
  const config = await loadKubeconfig(paths);
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new Error(
      `the kubeconfig ${paths.join(delimiter)} has no current context: choose one with kubectl config use-context`,
    );
  }
  if (cluster.proxyUrl)
    throw new Error(`cluster ${cluster.name} wants proxy-url, which is not supported: reach it directly`);
  const { ca, cert, key, rejectUnauthorized, servername } = await optionsOf(config);
  const tls = { ca, cert, key, rejectUnauthorized, servername };
  return {
    server: cluster.server,
    tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)),
    token: remembered(async () => bearerOf(await optionsOf(config))),
  };
}

/** client-node is loaded only here: in a pod it would cost its memory for nothing. */
async function loadKubeconfig([first, ...more]: readonly string[]): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    config.loadFromFile(first as string);
    for (const path of more) {
      const other = new KubeConfig();
      other.loadFromFile(path);
      config.mergeConfig(other, true);
    }
  } catch (cause) {
    throw new Error(`the kubeconfig cannot be read: ${(cause as Error).message}`, { cause });
  }
  return config;
}

const optionsOf = async (config: KubeConfig): Promise<RequestOptions> => {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return options;
};

const bearerOf = ({ headers }: RequestOptions): string | undefined => {
  const authorization = (headers as Record<string, unknown> | undefined)?.['Authorization'];
  return typeof authorization === 'string' ? authorization.replace(/^Bearer /, '') : undefined;
};

const remembered = (ask: () => Promise<string | undefined>) => {
  let token: string | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - askedAtMs > TOKEN_AGE_MS) {
      token = await ask();
      askedAtMs = performance.now();
    }
    return token;
  };
};
