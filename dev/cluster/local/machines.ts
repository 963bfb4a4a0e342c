import { dirname, join } from 'node:path';
import type { CgroupMounts } from './cgroups.ts';
import type { ClusterLayout, NodeLayout } from './layout.ts';
import type { Machine } from './machine.ts';
import type { ClusterRecord } from './record.ts';

/** The programs that machines are made with and see, by path. */
export interface Programs {
  pause: string;
  /** Paths of the programs that run in the machines. */
  others: readonly string[];
}

export const programsOf = ({ binaries }: Pick<ClusterRecord, 'binaries'>): Programs => ({
  pause: binaries.pause,
  others: Object.values(binaries),
});

const CONTROL_PLANE = 'control-plane';

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

/** A machine for a moment, to unpack images in. */
export const seedMachine = (layout: ClusterLayout, mounts: CgroupMounts, programs: Programs): Machine => ({
  name: 'seed',
  folder: join(layout.folder, 'seed'),
  cgroup: `${layout.cgroup}/seed`,
  ...shared(layout, mounts, programs),
});

/** Without programs the machine can be looked at and turned off, not booted. */
const shared = (layout: ClusterLayout, mounts: CgroupMounts, programs?: Programs) => ({
  logs: layout.logs,
  mounts,
  init: programs?.pause ?? '/nonexistent',
  visible: [
    ...new Set([layout.root, ...(programs ? [programs.pause, ...programs.others].map(dirname) : [])]),
  ],
});
