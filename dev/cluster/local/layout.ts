import { join } from 'node:path';

/** The cluster with this name is the one that `make cluster` runs; its kubeconfig is `.cluster/kubeconfig`. */
export const DEFAULT_NAME = 'default';
export const MAX_NODES = 5;

/** What tells one cluster on this machine from another. */
export interface ClusterIdentity {
  name: string;
  /** Chooses its addresses: 172.30.<index>.0/24 for machines, 10.<244 + index>.0.0/16 for pods. */
  index: number;
  /** The checkout's folder for clusters, `.cluster`. */
  root: string;
}

/** Index 10 and 11 stay unused: 10.255.0.0/16 is where broadcasts of a 10/8 network would go. */
export const MAX_INDEX = 9;

export interface NodeLayout {
  name: string;
  address: string;
  podSubnet: string;
  /** State of this node: containerd's root, kubelet's root, CNI configuration. */
  folder: string;
  cgroup: string;
}

export interface ClusterLayout extends ClusterIdentity {
  folder: string;
  logs: string;
  pki: string;
  kubeconfig: string;
  /** The one link on the machine itself: it leads into the control plane's network namespace. */
  hostLink: string;
  hostAddress: string;
  controlPlaneAddress: string;
  nodeSubnet: string;
  podSubnet: string;
  serviceSubnet: string;
  /** The Service `kubernetes`. */
  apiServiceAddress: string;
  dnsServiceAddress: string;
  apiServerUrl: string;
  /** Below the root of every cgroup hierarchy; all that the cluster starts lives in it. */
  cgroup: string;
  /** Every node there could be, whether it runs or not. */
  nodes: readonly NodeLayout[];
}

/** Names, addresses and paths of a cluster: a function of its identity, so that any later run finds all that an
 *  earlier one made, whatever became of it. */
export function layoutOf(identity: ClusterIdentity): ClusterLayout {
  const { name, index, root } = identity;
  const folder = join(root, name);
  const cgroup = `/hp-${name}`;
  const machine = (host: number) => `172.30.${index}.${host}`;
  const controlPlaneAddress = machine(2);
  return {
    ...identity,
    folder,
    logs: join(folder, 'logs'),
    pki: join(folder, 'pki'),
    kubeconfig: kubeconfigPath(root, name),
    hostLink: `hp-${name}`,
    hostAddress: machine(1),
    controlPlaneAddress,
    nodeSubnet: `172.30.${index}.0/24`,
    podSubnet: `10.${244 + index}.0.0/16`,
    serviceSubnet: '10.96.0.0/16',
    apiServiceAddress: '10.96.0.1',
    dnsServiceAddress: '10.96.0.10',
    apiServerUrl: `https://${controlPlaneAddress}:6443`,
    cgroup,
    nodes: Array.from({ length: MAX_NODES }, (_, position) => ({
      name: `node-${position + 1}`,
      address: machine(11 + position),
      podSubnet: `10.${244 + index}.${position + 1}.0/24`,
      folder: join(folder, `node-${position + 1}`),
      cgroup: `${cgroup}/node-${position + 1}`,
    })),
  };
}

export const kubeconfigPath = (root: string, name: string): string =>
  name === DEFAULT_NAME ? join(root, 'kubeconfig') : join(root, name, 'kubeconfig');

/** A name becomes part of link names, which the kernel keeps to 15 characters. */
export const isClusterName = (name: string): boolean => /^[a-z][a-z0-9]{0,11}$/.test(name);
