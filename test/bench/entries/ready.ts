import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { API_VERSION, GROUP, IMAGES, KIND, PLURAL } from '@hyperpage/contract';
import { ensureBinaries } from '../../../dev/cluster/binaries.ts';
import { createProgress } from '../../../dev/cluster/progress.ts';
import { createKubectl, type Kubectl } from '../../../dev/kubectl.ts';
import { type Bench, type Entry, row } from '../entry.ts';
import { plainAppManifest } from '../peers/plain-app.ts';
import { ROOT } from '../sidecar.ts';

const KUBECONFIG = join(ROOT, '.cluster/kubeconfig');
const OPERATOR_NAMESPACE = 'hyperpage-system';
const CLUSTER = 'bench';
const READY_WITHIN_S = 150;

export const ready: Entry = {
  name: 'ready',
  what: 'kubectl apply of a HyperpageCluster until Ready, beside plain manifests',
  limitMs: 420_000,
  run: async (bench) => {
    const kubectl = await demoCluster(bench);
    const peerMs = await plain(bench, kubectl);
    bench.say(`plain manifests available after ${(peerMs / 1000).toFixed(1)} s`);
    const oursMs = await ours(bench, kubectl);
    return [
      row({
        id: 'ready/apply',
        what: 'kubectl apply until Ready: 3 pods with sidecar, 3 Redis with Sentinel',
        unit: 's',
        value: oursMs / 1000,
        peer: 'plain Deployment and StatefulSet, 3 pods each, no failover',
        peerValue: peerMs / 1000,
      }),
    ];
  },
};

/** kubectl for the demo's cluster. Skips the entry when there is none, or no operator in it. */
async function demoCluster(bench: Bench): Promise<Kubectl> {
  if (!existsSync(KUBECONFIG)) bench.skip('there is no cluster: run make demo first');
  const write = (text: string) => bench.say(text.trim());
  const progress = createProgress({ write, colour: false, nowMs: () => performance.now() });
  const binaries = await ensureBinaries(['kubectl'], progress);
  const kubectl = createKubectl(binaries.kubectl, KUBECONFIG);
  try {
    await kubectl(['get', 'crd', `${PLURAL}.${GROUP}`, '--request-timeout=10s']);
    await kubectl([
      '-n',
      OPERATOR_NAMESPACE,
      'wait',
      '--for=condition=Available',
      'deployment',
      '--all',
      '--timeout=30s',
    ]);
  } catch (error) {
    bench.skip(
      `no cluster with the operator answers: run make demo first (${(error as Error).message.slice(0, 200)})`,
    );
  }
  return kubectl;
}

/** Makes a namespace's name, and has the namespace deleted when the entry ends. */
function ownNamespace(bench: Bench, kubectl: Kubectl): string {
  const namespace = `hyperpage-bench-${randomBytes(3).toString('hex')}`;
  bench.defer(() => remove(kubectl, namespace));
  return namespace;
}

const remove = async (kubectl: Kubectl, namespace: string): Promise<void> => {
  await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=90s'], {
    timeoutMs: 100_000,
  });
};

/** Applies and waits; gives the time from the one to the end of the other, in milliseconds. */
async function timed(kubectl: Kubectl, manifest: object, waits: readonly string[][]): Promise<number> {
  const startedAt = performance.now();
  await kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) });
  const timeout = [`--timeout=${READY_WITHIN_S}s`];
  await Promise.all(
    waits.map((wait) => kubectl([...wait, ...timeout], { timeoutMs: (READY_WITHIN_S + 10) * 1000 })),
  );
  return performance.now() - startedAt;
}

async function plain(bench: Bench, kubectl: Kubectl): Promise<number> {
  const namespace = ownNamespace(bench, kubectl);
  const took = await timed(kubectl, plainAppManifest(namespace), [
    ['-n', namespace, 'rollout', 'status', 'deployment/app'],
    ['-n', namespace, 'rollout', 'status', 'statefulset/redis'],
  ]);
  await remove(kubectl, namespace);
  return took;
}

async function ours(bench: Bench, kubectl: Kubectl): Promise<number> {
  const namespace = ownNamespace(bench, kubectl);
  const manifest = {
    apiVersion: 'v1',
    kind: 'List',
    items: [namespaceObject(namespace), cluster(namespace)],
  };
  try {
    return await timed(kubectl, manifest, [
      ['-n', namespace, 'wait', '--for=condition=Ready=True', `${PLURAL}.${GROUP}/${CLUSTER}`],
    ]);
  } catch (error) {
    bench.say(await kubectl(['-n', namespace, 'get', `${PLURAL}.${GROUP},pods`]).catch(String));
    throw error;
  }
}

const namespaceObject = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** Small requests, so that it fits beside the demo on a machine of two cores; all else as it comes. */
const cluster = (namespace: string) => ({
  apiVersion: API_VERSION,
  kind: KIND,
  metadata: { name: CLUSTER, namespace },
  spec: {
    app: { image: IMAGES.example, replicas: 3, resources: { requests: { cpu: '50m', memory: '64Mi' } } },
    redis: { mode: 'Sentinel', replicas: 3, resources: { requests: { cpu: '25m', memory: '32Mi' } } },
    sidecar: { resources: { requests: { cpu: '25m', memory: '64Mi' } } },
  },
});
