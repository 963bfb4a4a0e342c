import { fill, resourcePath } from '../../../dev/cluster/local/addons.ts';
import { parseCgroupMounts } from '../../../dev/cluster/local/cgroups.ts';
import { firstFreeIndex } from '../../../dev/cluster/local/claim.ts';
import { containerFilter } from '../../../dev/cluster/local/faults.ts';
import { isClusterName, kubeconfigPath, layoutOf } from '../../../dev/cluster/local/layout.ts';
import { requirePrerequisites, requireRoot } from '../../../dev/cluster/local/prerequisites.ts';
import { ClusterProblem } from '../../../dev/cluster/problem.ts';

describe('the layout of a cluster', () => {
  test('two clusters on one machine share no name, address or folder', () => {
    const one = layoutOf({ name: 'default', index: 0, root: '/repo/.cluster' });
    const two = layoutOf({ name: 'second', index: 1, root: '/repo/.cluster' });

    for (const key of ['folder', 'hostLink', 'hostAddress', 'podSubnet', 'apiServerUrl', 'cgroup'] as const) {
      expect(one[key]).not.toBe(two[key]);
    }
  });

  test('every node has an address in the cluster’s subnet and a share of the pod subnet', () => {
    const { nodes } = layoutOf({ name: 'default', index: 2, root: '/r' });

    expect(nodes.map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3', 'node-4', 'node-5']);
    expect(nodes[4]).toMatchObject({ address: '172.30.2.15', podSubnet: '10.246.5.0/24' });
  });

  test('the usual cluster’s kubeconfig lies where everybody looks for it', () => {
    expect(kubeconfigPath('/repo/.cluster', 'default')).toBe('/repo/.cluster/kubeconfig');
    expect(kubeconfigPath('/repo/.cluster', 'other')).toBe('/repo/.cluster/other/kubeconfig');
  });

  test('a cluster’s name leaves room for a link’s name, and cannot leave its folder', () => {
    expect(['default', 'a', 'leaktest2', 'abcdefghijkl'].every(isClusterName)).toBe(true);
    expect(['', 'Default', '1a', 'a-b', '../x', 'abcdefghijklm'].some(isClusterName)).toBe(false);
  });
});

describe('the choice of subnets', () => {
  test('takes the first that no cluster has and that no route or address of the machine overlaps', () => {
    expect(firstFreeIndex([], [])).toBe(0);
    expect(firstFreeIndex([0, 1], [])).toBe(2);
    expect(firstFreeIndex([], ['172.30.0.0/24', '10.245.7.3'])).toBe(2);
    expect(firstFreeIndex([], ['172.30.0.0/21'])).toBe(8);
  });

  test('says what to look at when all are taken', () => {
    expect(() => firstFreeIndex([], ['172.16.0.0/12'])).toThrow(ClusterProblem);
  });
});

describe('cgroup hierarchies', () => {
  test('of version 1 are tracked by the pids controller, with the version 2 one beside them', () => {
    const mounts = [
      'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0',
      'cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0',
      'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0',
    ].join('\n');

    expect(parseCgroupMounts(mounts)).toEqual({
      version: 1,
      roots: ['/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/pids'],
      others: ['/sys/fs/cgroup/unified'],
      tracking: '/sys/fs/cgroup/pids',
    });
  });

  test('of version 2 are one', () => {
    const { version, roots, tracking } = parseCgroupMounts('cgroup2 /sys/fs/cgroup cgroup2 rw 0 0');

    expect({ version, roots, tracking }).toEqual({
      version: 2,
      roots: ['/sys/fs/cgroup'],
      tracking: '/sys/fs/cgroup',
    });
  });

  test('must be mounted', () => {
    expect(() => parseCgroupMounts('proc /proc proc rw 0 0')).toThrow('no cgroup hierarchy');
  });
});

describe('what the machine must have', () => {
  const machine = { platform: 'linux', userId: 0, isExecutable: () => Promise.resolve(true) } as const;
  const problemOf = (promise: Promise<void>) =>
    promise.then(
      () => undefined,
      (error: ClusterProblem) => error,
    );

  test('is there on a machine that was set up', async () => {
    expect(await problemOf(requirePrerequisites(machine))).toBeUndefined();
  });

  test('is named all at once, with the command that brings it', async () => {
    const absent = ['containerd', 'ctr', 'nft', '/usr/lib/cni/bridge'];
    const isExecutable = (program: string) => Promise.resolve(!absent.includes(program));

    const problem = await problemOf(requirePrerequisites({ ...machine, isExecutable }));

    expect(problem?.message).toContain('containerd, ctr, /usr/lib/cni/bridge, nft');
    expect(problem?.fix).toContain('sudo apt-get install -y containerd containernetworking-plugins nftables');
  });

  test('includes root, which the message says how to become', () => {
    expect(() => requireRoot(1000)).toThrow(ClusterProblem);
    expect(() => requireRoot(0)).not.toThrow();
  });

  test('is Linux', async () => {
    const problem = await problemOf(requirePrerequisites({ ...machine, platform: 'darwin' }));

    expect(problem?.fix).toContain('Docker');
  });
});

describe('add-ons', () => {
  test('go to the path that their kind and namespace have', () => {
    const path = (apiVersion: string, kind: string, namespace?: string) =>
      resourcePath({ apiVersion, kind, metadata: { name: 'x', ...(namespace ? { namespace } : {}) } });

    expect(path('v1', 'ServiceAccount', 'kube-system')).toBe(
      '/api/v1/namespaces/kube-system/serviceaccounts/x',
    );
    expect(path('apiregistration.k8s.io/v1', 'APIService')).toBe(
      '/apis/apiregistration.k8s.io/v1/apiservices/x',
    );
    expect(path('storage.k8s.io/v1', 'StorageClass')).toBe('/apis/storage.k8s.io/v1/storageclasses/x');
  });

  test('are not applied with a blank unfilled', () => {
    expect(fill('image: ${metrics-server}', { 'metrics-server': 'm:1' })).toBe('image: m:1');
    expect(() => fill('image: ${nothing}', {})).toThrow('nothing');
  });
});

test('a container is found by the labels that kubelet gave it', () => {
  expect(containerFilter({ namespace: 'demo', pod: 'demo-0', container: 'app' })).toBe(
    'labels."io.kubernetes.pod.namespace"=="demo",labels."io.kubernetes.pod.name"=="demo-0",labels."io.kubernetes.container.name"=="app"',
  );
});
