import {
  type Component,
  type HyperpageCluster,
  KIND,
  LABELS,
  namesOf,
  selectorLabels,
} from '@hyperpage/contract';
import type { Kubectl } from '../kubectl.ts';

/** One HyperpageCluster in a Kubernetes. */
export interface Site {
  kubectl: Kubectl;
  namespace: string;
  cluster: string;
}

/** What kubectl shows of a pod, as far as we read it. */
interface PodObject {
  metadata: {
    name: string;
    namespace: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
  };
  spec: { nodeName?: string };
  status: { podIP?: string; conditions?: Array<{ type: string; status: string }> };
}

export interface PodSeen {
  name: string;
  namespace: string;
  ip: string;
  node: string;
  ready: boolean;
  /** Of the StatefulSet's template that it was made from. */
  revision: string;
}

/** The HyperpageCluster and its pods at one moment. */
export interface Snapshot {
  cluster: HyperpageCluster;
  /** Not those that are being deleted. */
  app: PodSeen[];
  redis: PodSeen[];
  /** The revision that every Redis pod is to have; absent while the StatefulSet is behind its spec. */
  revision?: string;
}

const seen = ({ metadata, spec, status }: PodObject): PodSeen => ({
  name: metadata.name,
  namespace: metadata.namespace,
  ip: status.podIP ?? '',
  node: spec.nodeName ?? '',
  ready: status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
  revision: metadata.labels?.['controller-revision-hash'] ?? '',
});

interface SetObject {
  metadata: { name: string; generation: number };
  status: { observedGeneration?: number; updateRevision?: string };
}

type AnyObject = { kind: string } & (PodObject | SetObject | HyperpageCluster);

/** Looks once, with one request of kubectl. @throws Error when the API server does not answer, or when there is no such
 *  HyperpageCluster. */
export async function look({ kubectl, namespace, cluster }: Site): Promise<Snapshot> {
  const kinds = 'hyperpageclusters,statefulsets,pods';
  const { items } = await kubectl.json<{ items: AnyObject[] }>([
    '-n',
    namespace,
    '--request-timeout=8s',
    'get',
    kinds,
  ]);
  const named = (kind: string, name: string) =>
    items.find((item) => item.kind === kind && item.metadata.name === name);
  const resource = named(KIND, cluster) as HyperpageCluster | undefined;
  if (!resource) throw new Error(`There is no HyperpageCluster ${cluster} in namespace ${namespace}.`);
  const set = named('StatefulSet', namesOf(cluster).redis) as SetObject | undefined;
  const pods = (component: Component) =>
    items
      .filter((item): item is { kind: 'Pod' } & PodObject => item.kind === 'Pod')
      .filter(({ metadata }) => !metadata.deletionTimestamp && isOf(metadata.labels, cluster, component))
      .map(seen)
      .sort((a, b) => a.name.localeCompare(b.name));
  const upToDate = set && (set.status.observedGeneration ?? 0) >= set.metadata.generation;
  return {
    cluster: resource,
    app: pods('app'),
    redis: pods('redis'),
    ...(upToDate && set.status.updateRevision ? { revision: set.status.updateRevision } : {}),
  };
}

const isOf = (labels: Readonly<Record<string, string>> = {}, cluster: string, component: Component) =>
  Object.entries(selectorLabels(cluster, component)).every(([name, value]) => labels[name] === value);

/** At most this many app pods get an agent. */
const MAX_AGENTS = 5;

/** App pods for writers and observers: on as many nodes as there are. Not only ready ones: while Redis is gone the
 *  sidecars are not. */
export async function agentPods(site: Site): Promise<string[]> {
  const { app } = await look(site);
  const placed = app.filter(({ node }) => node !== '');
  const nodes = new Set<string>();
  const first = placed.filter(({ node }) => !nodes.has(node) && nodes.add(node));
  const rest = placed.filter((pod) => !first.includes(pod));
  return [...first, ...rest].slice(0, MAX_AGENTS).map(({ name }) => name);
}

/** The operator's pods, in whatever namespace it runs. */
export async function operatorPods({ kubectl }: Site): Promise<PodSeen[]> {
  const selector = `${LABELS.name}=hyperpage-operator`;
  const { items } = await kubectl.json<{ items: PodObject[] }>(['get', 'pods', '-A', '-l', selector]);
  return items.filter(({ metadata }) => !metadata.deletionTimestamp).map(seen);
}
