import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { run, succeeds } from '../run.ts';
import { holderOf, type Machine, requireAlive, startDaemon } from './machine.ts';
import { CNI_FOLDER } from './prerequisites.ts';
import { until } from './wait.ts';

/** Inside a machine, whose /run is its own. */
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
const OVERLAYFS_MAGIC = 0x794c7630;

/** Where containerd keeps images and containers, in the folder of a node. */
export const containerdRoot = (folder: string): string => join(folder, 'containerd');

/** Starts containerd in the machine, unless it runs there, and waits until it answers. */
export async function runContainerd(machine: Machine, configFile: string): Promise<void> {
  await startDaemon(machine, { name: 'containerd', argv: ['containerd', '--config', configFile] });
  await until(`containerd of ${machine.name} to answer`, async () => {
    await requireAlive(machine, 'containerd');
    return succeeds('ctr', [...(await ctrFlags(machine)), 'version']);
  });
}

/** Unpacks a docker-archive into the machine's images, under the name it carries. */
export async function importImage(machine: Machine, archive: string): Promise<void> {
  await run('ctr', [...(await ctrFlags(machine)), '--namespace=k8s.io', 'images', 'import', archive]);
}

/** The machine's socket as seen from outside its mount namespace. */
export const ctrFlags = async (machine: Machine): Promise<string[]> => [
  `--address=/proc/${await holderOf(machine)}/root${CONTAINERD_SOCKET}`,
];

const DISABLED_PLUGINS = [
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.tracing.processor.v1.otlp',
];

/** JSON's strings are TOML's too. */
const quoted = JSON.stringify;

/** containerd's configuration, for a node whose state is in `folder`. */
export async function containerdConfig(folder: string, pauseImage: string): Promise<string> {
  return `version = 2
root = ${quoted(containerdRoot(folder))}
state = "/run/containerd"
disabled_plugins = ${quoted(DISABLED_PLUGINS)}

[grpc]
  address = ${quoted(CONTAINERD_SOCKET)}

[plugins."io.containerd.internal.v1.opt"]
  path = ${quoted(join(folder, 'opt'))}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${quoted(pauseImage)}
  disable_apparmor = true
  # A root without CAP_SYS_RESOURCE may not lower the score that kubelet asks for.
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = ${quoted(CNI_FOLDER)}
  conf_dir = ${quoted(join(folder, 'cni'))}

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = ${quoted(await snapshotterFor(folder))}

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
`;
}

/** Overlays do not stack: a checkout that is itself on one (in a container, say) gets plain copies. */
export async function snapshotterFor(folder: string): Promise<'overlayfs' | 'native'> {
  await mkdir(folder, { recursive: true });
  return (await statfs(folder)).type === OVERLAYFS_MAGIC ? 'native' : 'overlayfs';
}
