import { kindConfig, kindProvider } from '../../../dev/cluster/kind.ts';
import { kindFaults } from '../../../dev/cluster/kind-faults.ts';
import { createProgress } from '../../../dev/cluster/progress.ts';

const silent = createProgress({ write: () => undefined, colour: false, nowMs: () => 0 });

/** Programs that remember their command lines and answer from a table. */
function recorded(answers: Record<string, string>) {
  const lines: string[] = [];
  const program = (name: string) => (args: readonly string[]) => {
    const line = [name, ...args].join(' ');
    lines.push(line);
    return Promise.resolve(answers[line] ?? '');
  };
  return {
    lines,
    programs: { kind: program('kind'), kubectl: program('kubectl'), docker: program('docker') },
  };
}

const provider = (programs: ReturnType<typeof recorded>['programs']) =>
  kindProvider({ name: 'default', root: '/tmp/hyperpage-kind-test', progress: silent, programs });

describe('the kind provider', () => {
  test('makes every node one that pods may run on', () => {
    const config = JSON.parse(kindConfig(3)) as {
      nodes: Array<{ role: string; kubeadmConfigPatches?: string[] }>;
    };

    expect(config.nodes.map(({ role }) => role)).toEqual(['control-plane', 'worker', 'worker']);
    expect(config.nodes[0]?.kubeadmConfigPatches?.[0]).toContain('"taints":[]');
  });

  test('leaves a cluster that runs alone and writes its kubeconfig', async () => {
    const { lines, programs } = recorded({
      'kind get clusters': 'other\nhyperpage\n',
      'kind get nodes --name=hyperpage': 'hyperpage-control-plane\nhyperpage-worker\n',
    });

    await provider(programs).up({ nodes: 2 });

    expect(lines).toContain(
      'kind export kubeconfig --name=hyperpage --kubeconfig=/tmp/hyperpage-kind-test/kubeconfig',
    );
    expect(lines.join('\n')).not.toContain('create');
  });

  test('says that kind cannot add nodes to a cluster', async () => {
    const { programs } = recorded({
      'kind get clusters': 'hyperpage\n',
      'kind get nodes --name=hyperpage': 'hyperpage-control-plane\n',
    });

    await expect(provider(programs).up({ nodes: 3 })).rejects.toThrow('has 1 of the 3 nodes');
  });

  test('deletes only the cluster of its own name', async () => {
    const { lines, programs } = recorded({ 'kind get clusters': 'hyperpage\nother\n' });

    expect(await provider(programs).down()).toBe(true);

    expect(lines.at(-1)).toBe(
      'kind delete cluster --name=hyperpage --kubeconfig=/tmp/hyperpage-kind-test/kubeconfig',
    );
    expect(await provider(recorded({ 'kind get clusters': 'other\n' }).programs).down()).toBe(false);
  });

  test('loads every archive into all nodes', async () => {
    const { lines, programs } = recorded({});

    await provider(programs).loadImages(['/a.tar', '/b.tar']);

    expect(lines).toEqual([
      'kind load image-archive /a.tar --name=hyperpage',
      'kind load image-archive /b.tar --name=hyperpage',
    ]);
  });
});

describe('faults of a kind cluster', () => {
  const nodes = () => Promise.resolve(['hyperpage-control-plane', 'hyperpage-worker']);
  const faultsWith = (answers: Record<string, string>) => {
    const { lines, programs } = recorded(answers);
    return { lines, faults: kindFaults('hyperpage', programs.docker, nodes) };
  };
  const target = { namespace: 'demo', pod: 'demo-0', container: 'app' };
  const search =
    'crictl ps --quiet --name=^app$ --label=io.kubernetes.pod.namespace=demo --label=io.kubernetes.pod.name=demo-0';

  test('kill all of a container where it is found', async () => {
    const { lines, faults } = faultsWith({ [`docker exec hyperpage-worker ${search}`]: 'abc123\n' });

    await faults.killContainer(target);

    expect(lines.at(-1)).toBe(
      'docker exec hyperpage-worker ctr --namespace=k8s.io tasks kill --all --signal=SIGKILL abc123',
    );
  });

  test('refuse a container and a node that are not there', async () => {
    const { faults } = faultsWith({});

    await expect(faults.pauseContainer(target)).rejects.toThrow('No container app of pod demo/demo-0');
    await expect(faults.stopNode('node-9')).rejects.toThrow('There is no node node-9');
  });

  test('cut what a node sends, after removing earlier cuts', async () => {
    const { lines, faults } = faultsWith({});

    await faults.cutNode('hyperpage-worker', 'sent');

    expect(lines).toEqual([
      'docker exec hyperpage-worker iptables --table raw --delete PREROUTING --in-interface eth0 --jump DROP',
      'docker exec hyperpage-worker iptables --table mangle --delete POSTROUTING --out-interface eth0 --jump DROP',
      'docker exec hyperpage-worker iptables --table mangle --append POSTROUTING --out-interface eth0 --jump DROP',
    ]);
  });

  test('stop the API server so that kubelet does not start it again', async () => {
    const { lines, faults } = faultsWith({});

    await faults.stop('kube-apiserver');

    expect(lines[0]).toBe(
      'docker exec hyperpage-control-plane mv /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/kube-apiserver.yaml',
    );
    expect(lines[1]).toContain('pkill -KILL');
  });
});
