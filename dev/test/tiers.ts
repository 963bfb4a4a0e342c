import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A tier of tests, by what real thing it needs. `missing` says what this machine lacks for it, and how to get it. */
export interface Tier {
  name: string;
  needs: string;
  missing(): string | undefined;
  /** Programs that are found or built before the tests begin: the first time it takes minutes. */
  binaries?: readonly string[];
}

const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin', '/usr/local/bin', '/usr/local/sbin'];
const onPath = (program: string) =>
  [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS].some((folder) =>
    existsSync(join(folder, program)),
  );

const allOf = (...programs: string[]) => {
  const absent = programs.filter((program) => !onPath(program));
  return absent.length === 0
    ? undefined
    : `${absent.join(', ')} not found: run \`make setup\` as root, or install by hand`;
};
const goOrBinaries = () =>
  onPath('go') || process.env['KUBEBUILDER_ASSETS'] !== undefined
    ? undefined
    : 'go not found: install Go 1.26 or later (it builds kube-apiserver and etcd), or set KUBEBUILDER_ASSETS';

export const TIERS: readonly Tier[] = [
  { name: 'unit', needs: 'nothing', missing: () => undefined },
  {
    name: 'redis',
    needs: 'redis-server and redis-sentinel',
    missing: () => allOf('redis-server', 'redis-sentinel'),
  },
  {
    name: 'apiserver',
    needs: 'etcd and kube-apiserver',
    missing: goOrBinaries,
    binaries: ['etcd', 'kube-apiserver', 'kubectl'],
  },
  {
    name: 'browser',
    needs: 'Chromium',
    missing: () => (process.env['CHROMIUM_PATH'] ? undefined : allOf('chromium')),
  },
  {
    name: 'cluster',
    needs: 'root, containerd, runc and network namespaces (or Docker and kind)',
    missing: () =>
      process.getuid?.() === 0
        ? (allOf('containerd', 'runc', 'ip', 'nft', 'conntrack') ?? goOrBinaries())
        : 'needs root, to make network namespaces: run `sudo make test`',
    // None named: all that a cluster is made of.
    binaries: [],
  },
];
