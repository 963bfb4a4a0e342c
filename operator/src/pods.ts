import type { Stored } from './kube/index.ts';

type Pod = Stored<'Pod'>;
type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

/** Why a pod is not ready, as far as its status tells. */
export interface PodTrouble {
  pod: string;
  kind: 'image' | 'crash' | 'unschedulable' | 'config' | 'sidecar';
  message: string;
}

export const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

/** Being deleted, or finished: no longer one of those that count. */
export const isGoing = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp !== undefined || ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '');

const IMAGE_REASONS = ['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'ErrImageNeverPull'];
const CONFIG_REASONS = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'];

/** The first thing that keeps `pod` from being ready, the most telling one first. */
export function troubleOf(pod: Pod, sidecar: string): PodTrouble | undefined {
  if (isReady(pod) || isGoing(pod)) return undefined;
  const { name } = pod.metadata;
  const trouble = (kind: PodTrouble['kind'], message: string) => ({ pod: name, kind, message });
  const unscheduled = pod.status?.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  );
  if (unscheduled) return trouble('unschedulable', unscheduled.message ?? 'no node takes it');
  const containers = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const container of containers) {
    const { reason = '', message } = container.state?.waiting ?? {};
    const image = container.image ? ` (${container.image})` : '';
    const text = `container ${container.name}${image}: ${message ?? reason}`;
    if (IMAGE_REASONS.includes(reason)) return trouble('image', text);
    if (reason === 'CrashLoopBackOff') return trouble('crash', `${text}${lastExit(container)}`);
    if (CONFIG_REASONS.includes(reason)) return trouble('config', text);
  }
  const beside = containers.find((container) => container.name === sidecar);
  // While it waits for its turn or for another container to be pulled, it is not to blame.
  if (beside?.state?.running && !beside.ready) return trouble('sidecar', `container ${sidecar} is not ready`);
  return undefined;
}

/** What keeps `pods` from being ready, by pod name: a message made of it stays the same while nothing changes. */
export const troublesOf = (pods: readonly Pod[], sidecar: string): PodTrouble[] =>
  pods
    .map((pod) => troubleOf(pod, sidecar))
    .filter((trouble) => trouble !== undefined)
    .sort((a, b) => a.pod.localeCompare(b.pod, 'en', { numeric: true }));

/** True when `container` of `pod` is ready. */
export const isContainerReady = (pod: Pod, container: string): boolean =>
  pod.status?.containerStatuses?.some(({ name, ready }) => name === container && ready) ?? false;

const lastExit = ({ lastState }: ContainerStatus): string => {
  const { exitCode, reason } = lastState?.terminated ?? {};
  return exitCode === undefined ? '' : ` (last exit code ${exitCode}${reason ? `, ${reason}` : ''})`;
};
