import { Breaker, type Cast, castFor, otherCpu } from '../../../dev/chaos/breaker.ts';
import type { PodSeen, Snapshot } from '../../../dev/chaos/site.ts';
import type { Faults } from '../../../dev/cluster/faults.ts';
import type { Kubectl } from '../../../dev/kubectl.ts';

const pod = (name: string, ip: string, node: string): PodSeen => ({
  name,
  ip,
  node,
  namespace: 'web',
  ready: true,
  revision: 'r1',
});
const redis = [
  pod('redis-0', '10.0.0.1', 'node-1'),
  pod('redis-1', '10.0.0.2', 'node-2'),
  pod('redis-2', '10.0.0.3', 'node-3'),
];
const snapshot = { redis, app: [pod('app-a', '10.0.1.1', 'node-1'), pod('app-b', '10.0.1.2', 'node-2')] };
const castWith = (pick: number): Cast =>
  castFor({ snapshot: snapshot as unknown as Snapshot, operator: [], primaryIp: '10.0.0.2' }, pick);

/** Everything that is asked of a provider or of kubectl, as words. */
function world(cpu?: string) {
  const done: string[] = [];
  const record = (verb: string) => async (what: unknown, how?: unknown) => {
    const words = typeof what === 'string' ? what : Object.values(what as object).join('/');
    done.push([verb, words, how].filter(Boolean).join(' '));
  };
  const verbs =
    'killContainer pauseContainer resumeContainer stopNode startNode cutNode healNode stop start pause resume';
  const provider = Object.fromEntries(
    verbs.split(' ').map((verb) => [verb, record(verb)]),
  ) as unknown as Faults;
  const kubectl = Object.assign(
    async (args: readonly string[]) => {
      done.push(args.join(' '));
      return '';
    },
    {
      json: async () => ({ spec: { redis: { resources: cpu ? { requests: { cpu } } : {} } } }),
      start: () => {
        throw new Error('nothing is started here');
      },
    },
  ) as unknown as Kubectl;
  const site = { kubectl, namespace: 'web', cluster: 'shop' };
  return { done, breaker: new Breaker({ site, containers: provider, provider }), site, provider };
}

test('the primary is where the observers see it, and a replica is drawn from the others', () => {
  const names = (pods: readonly PodSeen[]) => pods.map(({ name }) => name);
  expect(names(castWith(0).primary)).toEqual(['redis-1']);
  expect(names(castWith(0).replica)).toEqual(['redis-0']);
  expect(names(castWith(0.99).replica)).toEqual(['redis-2']);
  expect(names(castWith(0.99).app)).toEqual(['app-b']);
  expect(names(castWith(0)['all-redis'])).toEqual(['redis-0', 'redis-1', 'redis-2']);
});

test('what hangs is resumed by its step, and not again at the end', async () => {
  const { done, breaker } = world();
  await breaker.act({ act: 'hang', container: 'redis', whom: 'primary' }, castWith(0));
  await breaker.act({ act: 'resume', container: 'redis', whom: 'primary' }, castWith(0));
  await breaker.mend();
  expect(done).toEqual(['pauseContainer web/redis-1/redis', 'resumeContainer web/redis-1/redis']);
});

test('what is still broken when the rounds end is put right, the last first', async () => {
  const { done, breaker } = world();
  await breaker.act({ act: 'cut-node', whom: 'primary', direction: 'sent' }, castWith(0));
  await breaker.act({ act: 'stop-part', part: 'kube-apiserver' }, castWith(0));
  await breaker.act({ act: 'hang', container: 'sentinel', whom: 'all-redis' }, castWith(0));
  done.length = 0;
  await breaker.mend();
  expect(done).toEqual([
    'resumeContainer web/redis-2/sentinel',
    'resumeContainer web/redis-1/sentinel',
    'resumeContainer web/redis-0/sentinel',
    'start kube-apiserver',
    'healNode node-2',
  ]);
});

test('a stopped node is started again even when stopping it failed half-way', async () => {
  const { done, breaker, provider } = world();
  provider.stopNode = async () => {
    throw new Error('half-way');
  };
  await expect(breaker.act({ act: 'stop-node', whom: 'primary' }, castWith(0))).rejects.toThrow('half-way');
  await breaker.mend();
  expect(done).toEqual(['startNode node-2']);
});

test('a roll changes the CPU request by a thousandth, and the value that was found comes back', async () => {
  const { done, breaker } = world('50m');
  expect(breaker.changedSpec).toBe(false);
  await breaker.act({ act: 'roll' }, castWith(0));
  expect(breaker.changedSpec).toBe(true);
  await breaker.restoreSpec();
  expect(done.map((line) => line.slice(line.indexOf('{')))).toEqual([
    '{"spec":{"redis":{"resources":{"requests":{"cpu":"51m"}}}}}',
    '{"spec":{"redis":{"resources":{"requests":{"cpu":"50m"}}}}}',
  ]);
  expect(breaker.changedSpec).toBe(false);
});

test('every roll is a change', () => {
  for (const cpu of ['25m', '50m', '1', '0.5', '']) {
    const once = otherCpu(cpu);
    expect(once).toMatch(/^\d+m$/);
    expect(otherCpu(once)).not.toBe(once);
  }
});

test('without a provider no node is broken', async () => {
  const { site, provider } = world();
  const breaker = new Breaker({ site, containers: provider });
  await expect(breaker.act({ act: 'stop-node', whom: 'primary' }, castWith(0))).rejects.toThrow(
    'only on a cluster of our own',
  );
});
