import { FaultRefused, type Faults, runFault } from '../../../dev/cluster/faults.ts';
import { chooseProvider, parseNodes } from '../../../dev/cluster/provider.ts';

const machine = (hasLocal: boolean, hasDocker: boolean) => ({
  hasLocal: () => Promise.resolve(hasLocal),
  hasDocker: () => Promise.resolve(hasDocker),
});

describe('the provider', () => {
  test('is kind where a Docker engine answers, and the single-machine cluster elsewhere', async () => {
    expect(await chooseProvider(undefined, machine(false, true))).toBe('kind');
    expect(await chooseProvider(undefined, machine(false, false))).toBe('local');
  });

  test('stays what a cluster that runs was made with', async () => {
    expect(await chooseProvider(undefined, machine(true, true))).toBe('local');
  });

  test('is the one that the environment asks for', async () => {
    expect(await chooseProvider('local', machine(false, true))).toBe('local');
    expect(await chooseProvider('kind', machine(true, false))).toBe('kind');
    await expect(chooseProvider('minikube', machine(false, false))).rejects.toThrow('"minikube"');
  });
});

test('a cluster has one to five nodes', () => {
  expect(parseNodes('1')).toBe(1);
  expect(parseNodes('5')).toBe(5);
  for (const wrong of ['0', '6', '', 'two', '1.5', '-1', '1e0'])
    expect(() => parseNodes(wrong)).toThrow('1 to 5');
});

describe('a fault on the command line', () => {
  const called: unknown[] = [];
  const record =
    (name: string) =>
    (...args: unknown[]) => {
      called.push([name, ...args]);
      return Promise.resolve();
    };
  const names = ['killContainer', 'cutNode', 'stopNode', 'pause', 'start'] as const;
  const faults = Object.fromEntries(names.map((name) => [name, record(name)])) as unknown as Faults;

  beforeEach(() => {
    called.length = 0;
  });

  test('does what its words say', async () => {
    await runFault(faults, ['kill-container', 'demo', 'demo-0', 'app']);
    await runFault(faults, ['cut-node', 'node-2']);
    await runFault(faults, ['cut-node', 'node-2', 'sent']);
    await runFault(faults, ['pause', 'etcd']);

    expect(called).toEqual([
      ['killContainer', { namespace: 'demo', pod: 'demo-0', container: 'app' }],
      ['cutNode', 'node-2', 'both'],
      ['cutNode', 'node-2', 'sent'],
      ['pause', 'etcd'],
    ]);
  });

  test.each([
    [['explode']],
    [[]],
    [['kill-container', 'demo', 'demo-0']],
    [['cut-node', 'node-1', 'sideways']],
    [['stop', 'kubelet']],
    [['stop-node']],
    [['constructor']],
  ])('%j is refused and breaks nothing', async (words) => {
    await expect(runFault(faults, words)).rejects.toThrow(FaultRefused);
    expect(called).toEqual([]);
  });
});
