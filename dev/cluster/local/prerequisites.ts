import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { ClusterProblem } from '../problem.ts';

/** Where Debian's package puts the CNI plugins. */
export const CNI_FOLDER = '/usr/lib/cni';

/** What the cluster takes from the machine, and the Debian package that brings it. */
const PROGRAMS: ReadonlyArray<{ program: string; debianPackage: string }> = [
  { program: 'containerd', debianPackage: 'containerd' },
  { program: 'ctr', debianPackage: 'containerd' },
  { program: 'runc', debianPackage: 'runc' },
  { program: join(CNI_FOLDER, 'bridge'), debianPackage: 'containernetworking-plugins' },
  { program: join(CNI_FOLDER, 'host-local'), debianPackage: 'containernetworking-plugins' },
  { program: join(CNI_FOLDER, 'portmap'), debianPackage: 'containernetworking-plugins' },
  { program: 'ip', debianPackage: 'iproute2' },
  { program: 'iptables', debianPackage: 'iptables' },
  { program: 'nft', debianPackage: 'nftables' },
  { program: 'conntrack', debianPackage: 'conntrack' },
  { program: 'nsenter', debianPackage: 'util-linux' },
  { program: 'unshare', debianPackage: 'util-linux' },
  { program: 'mount', debianPackage: 'mount' },
  { program: 'busybox', debianPackage: 'busybox-static' },
];

/** What must be known of the machine; passed in so that a test can describe any. */
export interface Surroundings {
  platform: NodeJS.Platform;
  userId: number;
  isExecutable: (program: string) => Promise<boolean>;
}

/** @throws ClusterProblem that names everything that is missing at once, with the command that brings it. */
export async function requirePrerequisites({ platform, userId, isExecutable }: Surroundings): Promise<void> {
  if (platform !== 'linux') {
    throw new ClusterProblem(
      'The single-machine cluster needs Linux.',
      'Start a Docker engine: with one, the cluster runs in kind. Or run this in a Linux virtual machine.',
    );
  }
  const present = await Promise.all(PROGRAMS.map(({ program }) => isExecutable(program)));
  const missing = PROGRAMS.filter((_, position) => !present[position]);
  if (missing.length > 0) {
    const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))];
    throw new ClusterProblem(
      `The cluster needs programs that this machine does not have: ${missing.map(({ program }) => program).join(', ')}.`,
      `sudo apt-get install -y ${packages.join(' ')}\n(\`make setup\` installs all that the project needs.)`,
    );
  }
  requireRoot(userId);
}

/** @throws ClusterProblem unless this is root. */
export function requireRoot(userId: number): void {
  if (userId === 0) return;
  throw new ClusterProblem(
    'The single-machine cluster makes namespaces, cgroups and network links, which only root may.',
    'Run it again as root: sudo env "PATH=$PATH" make cluster\nOr start a Docker engine: with one, the cluster runs in kind, without root.',
  );
}

/** Debian keeps system programs in sbin folders, which a user's PATH often lacks. */
export const searchPath = (path: string | undefined): string =>
  [path ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(delimiter);

export const thisMachine = (): Surroundings => ({
  platform: process.platform,
  userId: process.getuid?.() ?? -1,
  isExecutable: async (program) => {
    const folders = program.startsWith('/') ? [''] : searchPath(process.env['PATH']).split(delimiter);
    const found = await Promise.all(folders.map((folder) => executable(join(folder, program))));
    return found.includes(true);
  },
});

const executable = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
