import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SystemImageName } from './images.ts';
import type { ClusterLayout } from './layout.ts';

export const BINARIES = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'coredns',
  'metrics-server',
  'local-path-provisioner',
  'pause',
] as const;

/** What a cluster was last asked to be, so that a later run can complete it and start its parts again. */
export interface ClusterRecord {
  nodes: number;
  /** Paths of the programs it is made of. */
  binaries: Readonly<Record<(typeof BINARIES)[number], string>>;
  /** Names of its own images. */
  systemImages: Readonly<Record<SystemImageName, string>>;
  /** The containerd root that its nodes start from. */
  seed: string;
  /** Archives that were loaded into every node, in order: a node that joins later gets them too. */
  archives: readonly string[];
}

const recordPath = (layout: ClusterLayout) => join(layout.folder, 'cluster.json');

export async function readRecord(layout: ClusterLayout): Promise<ClusterRecord | undefined> {
  const content = await readFile(recordPath(layout), 'utf8').catch(() => undefined);
  return content === undefined ? undefined : (JSON.parse(content) as ClusterRecord);
}

export async function writeRecord(layout: ClusterLayout, record: ClusterRecord): Promise<void> {
  await mkdir(layout.folder, { recursive: true });
  const staging = `${recordPath(layout)}.new`;
  await writeFile(staging, JSON.stringify(record, null, 2));
  await rename(staging, recordPath(layout));
}
