import { dirname, join } from 'node:path';
import type { CgroupMounts } from './cgroups.ts';
import { CONTROL_PLANE } from './controlplane.ts';
import type { ClusterLayout, NodeLayout } from './layout.ts';
import type { Machine } from './machine.ts';

/** The programs that machines are made with and see, by path. */
export interface Programs {
  pause: string;
  /** Paths of the programs that run in the machines. */
  others: readonly string[];
}

export const controlPlaneMachine = (
  layout: ClusterLayout,
  mounts: CgroupMounts,
  programs?: Programs,
): Machine => ({
  name: CONTROL_PLANE,
  folder: join(layout.folder, CONTROL_PLANE),
  cgroup: `${layout.cgroup}/${CONTROL_PLANE}`,
  ...shared(layout, mounts, programs),
});

export const nodeMachine = (
  layout: ClusterLayout,
  node: NodeLayout,
  mounts: CgroupMounts,
  programs?: Programs,
): Machine => ({
  name: node.name,
  folder: node.folder,
  cgroup: node.cgroup,
  ...shared(layout, mounts, programs),
});

/** Without programs the machine can be looked at and turned off, not booted. */
const shared = (layout: ClusterLayout, mounts: CgroupMounts, programs?: Programs) => ({
  logs: layout.logs,
  mounts,
  init: programs?.pause ?? '/nonexistent',
  visible: [...new Set([layout.root, ...(programs ? [programs.pause, ...programs.others].map(dirname) : [])])],
});
