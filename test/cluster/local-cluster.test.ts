/** The single-machine cluster: what it leaves behind, and the faults it offers. It runs beside the cluster that the
 *  other tests of this tier use. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ensureBinaries } from '../../dev/cluster/binaries.ts';
import { requirePrerequisites, thisMachine } from '../../dev/cluster/local/prerequisites.ts';
import { createProgress } from '../../dev/cluster/progress.ts';
import { type ClusterProvider, openCluster } from '../../dev/cluster/provider.ts';
import { run } from '../../dev/cluster/run.ts';
import { eventually } from '../support/eventually.ts';
import { machineTraces, namespacesAlive, namespacesOf } from '../support/machine-traces.ts';

const NAME = 'leaktest';
const MAIN = join(import.meta.dirname, '..', '..', 'dev', 'cluster', 'main.ts');
const ENV = { ...process.env, HYPERPAGE_CLUSTER_PROVIDER: 'local' };

const possible = await requirePrerequisites(thisMachine()).then(
  () => true,
  () => false,
);
// Where a Docker engine runs the clusters, the machine may lack what this one needs.
const whenPossible = possible ? describe : describe.skip;

const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'web',
        image: 'localhost/busybox:1',
        command: [
          'sh',
          '-c',
          'mkdir /tmp/www; echo hello > /tmp/www/index.html; httpd -f -p 8080 -h /tmp/www',
        ],
      },
    ],
  },
};
const TARGET = { namespace: 'default', pod: 'web', container: 'web' };

whenPossible('the single-machine cluster', () => {
  const spoken: string[] = [];
  const progress = createProgress({
    write: (text) => spoken.push(text),
    colour: false,
    nowMs: () => performance.now(),
  });
  let cluster: ClusterProvider;
  let kubectlPath: string;
  let kubectl: (...args: string[]) => Promise<string>;
  let before: string[];

  beforeAll(async () => {
    cluster = await openCluster({ name: NAME, progress, env: ENV });
    kubectlPath = (await ensureBinaries(['kubectl'], progress)).kubectl;
    kubectl = (...args) =>
      run(kubectlPath, [`--kubeconfig=${cluster.kubeconfig}`, '--request-timeout=3s', ...args]);
    await cluster.down();
    before = await machineTraces(NAME);
  });

  afterAll(async () => {
    await cluster?.down();
  });

  const expectNothingLeft = async () => {
    const after = await machineTraces(NAME);
    expect(after.filter((line) => !before.includes(line))).toEqual([]);
  };

  test('down removes what a start that was killed half-way had made', async () => {
    const child = spawn(process.execPath, [MAIN, 'up', '--name', NAME], { stdio: 'ignore', env: ENV });
    // Containers of the first pods: by then nearly all kinds of things are there.
    await eventually('kubelet runs', async () =>
      (await machineTraces(NAME)).some((line) => /kubelet/.test(line)),
    );
    child.kill('SIGKILL');
    await once(child, 'exit');

    expect(await cluster.down()).toBe(true);

    await expectNothingLeft();
  });

  describe('with one node', () => {
    let podUrl: string;
    const podAnswers = () => answers(podUrl);
    const nodeIsReady = async () => {
      const path = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}';
      return (await kubectl('get', 'nodes', '-o', path)).trim() === 'True';
    };
    const apiAnswers = () =>
      kubectl('get', '--raw', '/readyz').then(
        () => true,
        () => false,
      );
    const podField = async (path: string) =>
      (await kubectl('get', 'pod', 'web', '-o', `jsonpath={${path}}`)).trim();
    const findPod = async () => {
      const address = await podField('.status.podIP');
      podUrl = `http://${address}:8080/`;
      return address !== '' && podAnswers();
    };

    beforeAll(async () => {
      await cluster.up({ nodes: 1 });
      await run(kubectlPath, [`--kubeconfig=${cluster.kubeconfig}`, 'apply', '--filename=-'], {
        input: JSON.stringify(POD),
      });
      await eventually('the pod answers', findPod);
    });

    test('bringing it up again finds nothing to do', async () => {
      spoken.length = 0;

      await cluster.up({ nodes: 1 });

      expect(spoken.join('')).toContain('up already');
    });

    test('a container that is killed is started again', async () => {
      const restarts = async () => Number(await podField('.status.containerStatuses[0].restartCount'));
      const earlier = await restarts();

      await cluster.faults.killContainer(TARGET);

      await eventually('kubelet has started it again', async () => (await restarts()) > earlier);
      await eventually('the pod answers', podAnswers);
    });

    test('a container that is paused does not answer until it is resumed', async () => {
      await cluster.faults.pauseContainer(TARGET);
      expect(await podAnswers()).toBe(false);

      await cluster.faults.resumeContainer(TARGET);
      await eventually('the pod answers', podAnswers);
    });

    test('a container that does not exist is refused by name', async () => {
      await expect(cluster.faults.killContainer({ ...TARGET, container: 'none' })).rejects.toThrow(
        'No container none of pod default/web',
      );
    });

    test.each(['sent', 'received'] as const)(
      'nothing gets through when what a node %s is dropped',
      async (direction) => {
        await cluster.faults.cutNode('node-1', direction);
        expect(await podAnswers()).toBe(false);

        await cluster.faults.healNode('node-1');
        await eventually('the pod answers', podAnswers);
      },
    );

    test('a node whose network is cut becomes NotReady, and Ready again when it is healed', async () => {
      await cluster.faults.cutNode('node-1');
      await eventually('the node is NotReady', async () => !(await nodeIsReady()));

      await cluster.faults.healNode('node-1');
      await eventually('the node is Ready', nodeIsReady);
      await eventually('the pod answers', podAnswers);
    });

    test('pods run on while the API server is away', async () => {
      await cluster.faults.stop('kube-apiserver');
      expect(await apiAnswers()).toBe(false);
      expect(await podAnswers()).toBe(true);

      await cluster.faults.start('kube-apiserver');
      await eventually('the API server answers', apiAnswers);
    });

    test('requests to a paused API server get no answer until it is resumed', async () => {
      await cluster.faults.pause('kube-apiserver');
      expect(await apiAnswers()).toBe(false);

      await cluster.faults.resume('kube-apiserver');
      await eventually('the API server answers', apiAnswers);
    });

    test('bringing the cluster up starts a node that had stopped, and its pods', async () => {
      await cluster.faults.stopNode('node-1');
      expect(await podAnswers()).toBe(false);
      await eventually('the node is NotReady', async () => !(await nodeIsReady()));

      await cluster.up({ nodes: 1 });

      await eventually('the node is Ready', nodeIsReady);
      await eventually('the pod answers', findPod);
    });

    test('down leaves nothing behind, and a second one finds nothing', async () => {
      const namespaces = await namespacesOf(NAME);
      expect(namespaces.size).toBeGreaterThan(2);

      expect(await cluster.down()).toBe(true);

      await expectNothingLeft();
      // A process that was just killed keeps its pid namespace until its parent has looked at it.
      await eventually('nothing is in them', async () => (await namespacesAlive(namespaces)).length === 0);
      expect(await cluster.down()).toBe(false);
    });
  });
});

const answers = (url: string) =>
  fetch(url, { signal: AbortSignal.timeout(1_500), headers: { connection: 'close' } }).then(
    async (response) => (await response.text()) === 'hello\n',
    () => false,
  );
