import { selectorLabels } from '@hyperpage/contract';
import type { KubeHttp } from '@hyperpage/runtime';
import type { NodeReading } from '../../operator/src/redis/index.ts';
import { freshNamespace, sharedApiServer } from '../support/apiserver.ts';
import { installCrd } from '../support/crd.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorWorld } from '../support/operator.ts';

const app = { image: 'example:1' };
const node = (more: Partial<NodeReading>): NodeReading => ({
  role: 'unassigned',
  formerPrimary: false,
  linkUp: false,
  loading: false,
  keys: 0,
  connectedReplicas: 0,
  slowestReplicaSeconds: 0,
  offset: 0,
  priority: 100,
  settings: {},
  credentials: { accepts: [], uses: '' },
  ...more,
});
const blank = {
  knows: 2,
  failingOver: false,
  primaryDown: false,
  quorum: 2,
  replicas: [],
  credentials: { accepts: [], uses: '' },
};
const ips = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];

describe('the operator and Redis', () => {
  let http: KubeHttp;
  let world: OperatorWorld;

  beforeAll(async () => {
    ({ http } = await sharedApiServer());
    await installCrd(http);
  });
  afterAll(() => http.close());
  beforeEach(async () => {
    world = new OperatorWorld(http, await freshNamespace(http, 'redis'));
  });
  afterEach(() => world.stop());

  /** The pods as the StatefulSet controller and kubelet would make them. */
  const makePods = async () => {
    for (const [ordinal, ip] of ips.entries()) {
      const name = `demo-redis-${ordinal}`;
      await world.objects.create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...world.key(name), labels: selectorLabels('demo', 'redis') },
        spec: {
          nodeName: 'node-1',
          containers: ['redis', 'sentinel'].map((each) => ({ name: each, image: 'redis:7-alpine' })),
        },
      });
      const status = {
        phase: 'Running',
        podIP: ip,
        podIPs: [{ ip }],
        conditions: [{ type: 'Ready', status: 'True' }],
      };
      await world.patch('Pod', name, { status }, 'status');
    }
  };
  const whole = () => {
    world.redis.nodes.set(`${ips[0]}:6379`, node({ role: 'primary', connectedReplicas: 2 }));
    for (const ip of ips.slice(1)) {
      world.redis.nodes.set(`${ip}:6379`, node({ role: 'replica', follows: `${ips[0]}:6379`, linkUp: true }));
    }
    for (const ip of ips) world.redis.sentinels.set(`${ip}:26379`, { ...blank, primary: `${ips[0]}:6379` });
  };
  const unassigned = () => {
    for (const ip of ips) {
      world.redis.nodes.set(`${ip}:6379`, node({}));
      world.redis.sentinels.set(`${ip}:26379`, blank);
    }
  };

  test('builds the first topology once all pods are seen unassigned and empty', async () => {
    await world.start();
    await world.make({ app });
    await makePods();
    await world.says('RedisAvailable', 'Unreachable');
    expect(world.redis.ordered).toEqual([]);
    unassigned();
    await eventually('the last Sentinel was told', () =>
      world.redis.ordered.includes('10.0.0.3:26379 SENTINEL MONITOR'),
    );
    expect(world.redis.ordered.slice(0, 6)).toEqual([
      '10.0.0.1:6379 REPLICAOF NO',
      '10.0.0.1:6379 CONFIG REWRITE',
      '10.0.0.2:6379 REPLICAOF 10.0.0.1',
      '10.0.0.2:6379 CONFIG REWRITE',
      '10.0.0.3:6379 REPLICAOF 10.0.0.1',
      '10.0.0.3:6379 CONFIG REWRITE',
    ]);
    whole();
    const { message } = await world.says('RedisAvailable', 'PrimaryWritable');
    expect(message).toContain('demo-redis-0');
    await world.says('SentinelQuorum', 'Agreed');
    expect((await world.cluster()).status?.redis).toEqual({
      primary: 'demo-redis-0',
      readyReplicas: 3,
      endpoint: '10.0.0.1:6379',
    });
  });

  test('gives no order to a Redis that is whole, or that Sentinel is mending', async () => {
    whole();
    await world.start();
    await world.make({ app });
    await makePods();
    await world.says('RedisAvailable', 'PrimaryWritable');
    world.redis.nodes.delete('10.0.0.1:6379');
    for (const ip of ips) {
      world.redis.sentinels.set(`${ip}:26379`, {
        ...blank,
        primary: '10.0.0.1:6379',
        failingOver: true,
        primaryDown: true,
      });
    }
    await world.says('RedisAvailable', 'NoPrimary');
    await world.says('SentinelQuorum', 'FailoverInProgress');
    await world.says('Ready', 'NoRedisPrimary');
    expect(world.redis.ordered).toEqual([]);
  });

  test('an operator that starts again says nothing of a Redis that is whole until it has looked', async () => {
    whole();
    await world.start();
    await world.make({ app });
    await makePods();
    await world.says('SentinelQuorum', 'Agreed');
    await world.stop();
    const before = await world.cluster();
    world.redis.answersAfterMs = 300;
    const http = await world.start();
    await world.quiet(http);
    expect(http.writes).toEqual([]);
    expect((await world.cluster()).status).toEqual(before.status);
  });

  test('gives no order while paused', async () => {
    unassigned();
    await world.start();
    await world.make({ app, paused: false });
    await world.exists('StatefulSet', 'demo-redis');
    await world.change({ paused: true });
    await world.says('Paused', 'PausedByUser');
    await makePods();
    await world.says('RedisAvailable', 'NoPrimary');
    expect(world.redis.ordered).toEqual([]);
  });

  test('refuses to choose between data that disagree, and says how to decide', async () => {
    await world.start();
    await world.make({ app });
    await makePods();
    unassigned();
    world.redis.nodes.set('10.0.0.2:6379', node({ keys: 5 }));
    world.redis.nodes.set('10.0.0.3:6379', node({ keys: 7 }));
    const { message } = await world.says('Stalled', 'DataConflict');
    expect(message).toMatch(/demo-redis-1 \(5 keys\), demo-redis-2 \(7 keys\).*choose-primary=POD@/);
    expect(world.redis.ordered).toEqual([]);
  });

  test('a Redis of the user’s own is looked at by its URL and gets nothing of ours', async () => {
    await world.objects.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: world.key('mine'),
      data: { url: Buffer.from('redis://elsewhere:6379').toString('base64') },
    });
    await world.start();
    await world.make({ app, redis: { mode: 'External', urlSecretRef: { name: 'mine' } } });
    await world.exists('Deployment', 'demo');
    await world.says('RedisAvailable', 'Unreachable');
    world.redis.nodes.set('redis://elsewhere:6379', node({ role: 'primary' }));
    await world.says('RedisAvailable', 'PrimaryWritable');
    expect(await world.objects.list('StatefulSet', { namespace: world.namespace })).toEqual([]);
    expect(
      await world.objects.list('ConfigMap', {
        namespace: world.namespace,
        labelSelector: 'hyperpage.dev/cluster',
      }),
    ).toEqual([]);
  });
});
