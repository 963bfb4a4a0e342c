import { createServer, type Server } from 'node:net';
import { sentinelNameOf } from '../../operator/src/desired/index.ts';
import { eventually } from '../support/eventually.ts';
import { PASSWORD, type RedisPod, RedisPods } from '../support/redis-pods.ts';

/** A value in the words of Redis's protocol. */
const resp = (value: unknown): string =>
  Array.isArray(value)
    ? `*${value.length}\r\n${value.map(resp).join('')}`
    : `$${Buffer.byteLength(String(value))}\r\n${String(value)}\r\n`;

/** Something in the place of a Sentinel that gives the same answers for ever. */
async function fakeSentinel({ ip }: RedisPod, answers: Record<string, unknown>): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('data', (chunk) => {
      const words = chunk
        .toString()
        .split('\r\n')
        .map((word) => word.toLowerCase());
      const question = Object.keys(answers).find((name) => words.includes(name));
      socket.write(question ? resp(answers[question]) : '+OK\r\n');
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => {
    server.listen(26379, ip, resolve);
  });
  return server;
}

describe('the Redis pods and the operator that tends them', () => {
  let pods: RedisPods;

  beforeEach(async () => {
    pods = await RedisPods.create();
  });
  afterEach(() => pods.stop());

  test('new pods are never writable by themselves; the operator makes the first one the primary', async () => {
    await pods.start();
    const seen = await eventually('all are seen unassigned', async () => {
      const seen = await pods.look();
      return seen.judgement.unassigned.length === 3 && seen.judgement.decision.kind === 'build'
        ? seen
        : undefined;
    });
    expect(seen.judgement.decision).toEqual({ kind: 'build', primary: 'demo-redis-0', why: 'first' });
    await expect(pods.pod(0).redis('SET', 'a', '1')).rejects.toThrow(/READONLY/);
    const whole = await pods.settle();
    expect(whole.judgement.primary?.pod).toBe('demo-redis-0');
    await pods.pod(0).writeSafely('a', '1');
  });

  test('a whole topology gets no order from the operator', async () => {
    await pods.start();
    await pods.settle();
    pods.ordered.length = 0;
    for (let visits = 0; visits < 5; visits++) await pods.visit();
    expect(pods.ordered).toEqual([]);
  });

  test('a primary that comes back empty, at once and at its old address, follows and wipes nothing', async () => {
    await pods.start();
    const primary = pods.primaryOf(await pods.settle());
    await primary.writeSafely('kept', 'yes');
    await primary.delete({ volume: 'lost' });
    await primary.start();
    const after = await pods.settle();
    expect(after.judgement.primary?.pod).not.toBe(primary.name);
    expect(await primary.redis('GET', 'kept')).toBe('yes');
    expect(await pods.primaryOf(after).redis('GET', 'kept')).toBe('yes');
  });

  test('a primary that only crashed goes on as the primary, with its data', async () => {
    await pods.start();
    const primary = pods.primaryOf(await pods.settle());
    await primary.writeSafely('kept', 'yes');
    await primary.killRedis();
    await primary.startRedis();
    const after = await pods.settle();
    expect(await pods.primaryOf(after).redis('GET', 'kept')).toBe('yes');
  });

  test('when a primary is gone for good the Sentinels elect another without the operator', async () => {
    await pods.start();
    const primary = pods.primaryOf(await pods.settle());
    await primary.writeSafely('kept', 'yes');
    pods.ordered.length = 0;
    await primary.delete({ volume: 'lost' });
    const rest = pods.pods.filter((pod) => pod !== primary);
    const after = await eventually(
      'another primary',
      async () => {
        const seen = await pods.visit();
        return seen.judgement.primary && rest.some(({ name }) => name === seen.judgement.primary?.pod)
          ? seen
          : undefined;
      },
      { everyMs: 200 },
    );
    expect(await pods.primaryOf(after).redis('GET', 'kept')).toBe('yes');
    expect(pods.ordered).toEqual([]);
  });

  test('pods that all come back on their volumes go on where the last primary stopped', async () => {
    await pods.start();
    const primary = pods.primaryOf(await pods.settle());
    await primary.writeSafely('kept', 'yes');
    await Promise.all(pods.pods.map((pod) => pod.delete({ volume: 'kept' })));
    await pods.start();
    const after = await pods.settle();
    expect(after.judgement.primary?.pod).toBe(primary.name);
    expect(await primary.redis('GET', 'kept')).toBe('yes');
  });

  test('pods that all come back empty are built anew', async () => {
    await pods.start();
    const primary = pods.primaryOf(await pods.settle());
    await primary.writeSafely('lost', 'yes');
    await Promise.all(pods.pods.map((pod) => pod.delete({ volume: 'lost' })));
    await pods.start();
    const after = await pods.settle();
    expect(await pods.primaryOf(after).redis('DBSIZE')).toBe(0);
  });

  /** Replaces all pods. The Sentinel of the last primary dies last, and has told the new ones of it. */
  const replaceAll = async (primary: RedisPod, options: { volume: 'kept' | 'lost' }) => {
    const last = pods.pods.indexOf(primary);
    const others = pods.pods.map((_, index) => index).filter((index) => index !== last);
    await Promise.all(others.map((index) => pods.pod(index).delete(options)));
    await primary.killRedis();
    for (const index of others) await pods.replace(index, options);
    await eventually('the new Sentinels were told of the dead primary', async () => {
      const { observation } = await pods.look();
      const told = observation.sentinels.filter(
        (each) => each.reachable && each.primary === `${primary.ip}:6379`,
      );
      return told.length === 3;
    });
    await pods.replace(last, options);
  };

  test('pods that all come back empty and elsewhere are built anew, although the Sentinels wait for a ghost', async () => {
    await pods.start();
    const primary = pods.primaryOf(await pods.settle());
    await primary.writeSafely('lost', 'yes');
    await replaceAll(primary, { volume: 'lost' });
    const after = await pods.settle();
    expect(await pods.primaryOf(after).redis('DBSIZE')).toBe(0);
    await pods.primaryOf(after).writeSafely('new', 'yes');
  });

  test('pods that all come back elsewhere on their volumes keep their data, although the Sentinels wait for a ghost', async () => {
    await pods.start();
    const primary = pods.primaryOf(await pods.settle());
    await primary.writeSafely('kept', 'yes');
    await replaceAll(primary, { volume: 'kept' });
    const after = await pods.settle();
    expect(after.judgement.primary?.pod).toBe(primary.name);
    expect(await pods.primaryOf(after).redis('GET', 'kept')).toBe('yes');
    await pods.primaryOf(after).writeSafely('new', 'yes');
  });

  test('a Sentinel that lost its memory learns from its peers and takes its old place', async () => {
    await pods.start();
    const { judgement } = await pods.settle();
    const pod = pods.pod(2);
    const others = async () => {
      const answer = (await pods
        .pod(0)
        .sentinel('SENTINEL', 'SENTINELS', sentinelNameOf(pods.cluster))) as string[];
      return answer.length;
    };
    await eventually('the Sentinels know each other', async () => (await others()) === 2);
    pods.ordered.length = 0;
    await pod.delete({ volume: 'lost' });
    await pod.start();
    await pods.settle();
    expect((await pods.look()).judgement.elected).toBe(judgement.elected);
    expect(pods.ordered).toEqual([]);
    expect(await others()).toBe(2);
  });

  test('a Sentinel that asks in the middle of a failover does not take the new primary for its own replica', async () => {
    const [peer, , pod] = pods.pods as [RedisPod, RedisPod, RedisPod];
    const fields = (ip: string) => ['name', `${ip}:6379`, 'ip', ip, 'port', '6379', 'flags', 'slave'];
    const answers: Record<string, unknown> = {
      'get-master-addr-by-name': ['10.9.9.1', '6379'],
      replicas: [fields('10.9.9.1'), fields('10.9.9.2')],
    };
    const server = await fakeSentinel(peer, answers);
    try {
      await pod.startSentinel();
      const conf = await eventually('the configuration is written', () => pod.read('sentinel/sentinel.conf'));
      expect(conf).toMatch(/sentinel monitor \S+ 10\.9\.9\.1 6379 2/);
      expect(conf).toMatch(/known-replica \S+ 10\.9\.9\.2 6379/);
      expect(conf).not.toMatch(/known-replica \S+ 10\.9\.9\.1/);
    } finally {
      server.close();
    }
  });

  test('a replica that follows an address where nobody is goes to the primary that a majority names', async () => {
    const [first, primary, replica] = pods.pods as [RedisPod, RedisPod, RedisPod];
    await primary.startRedis();
    await replica.startRedis();
    const answers = { 'get-master-addr-by-name': [primary.ip, '6379'] };
    await eventually('the primary answers', () =>
      primary.redis('REPLICAOF', 'NO', 'ONE').catch(() => undefined),
    );
    await eventually('the replica answers', () =>
      replica.redis('REPLICAOF', first.ip, '6379').catch(() => undefined),
    );
    const servers = [await fakeSentinel(first, answers), await fakeSentinel(primary, answers)];
    try {
      await eventually('it follows', async () =>
        String(await replica.redis('INFO', 'replication')).includes(`master_host:${primary.ip}`),
      );
    } finally {
      for (const server of servers) server.close();
    }
  });

  test('a Redis that cannot be reached is told of with the cause', async () => {
    const { observation } = await pods.look();
    for (const view of [...observation.nodes, ...observation.sentinels]) {
      expect(view).toMatchObject({ reachable: false, problem: expect.stringContaining('ECONNREFUSED') });
    }
  });

  test('the server is not process 1 of its container, so that it need not collect what probes leave behind', async () => {
    await pods.pod(0).startRedis();
    await eventually('it answers', () =>
      pods
        .pod(0)
        .redis('PING')
        .catch(() => undefined),
    );
    const info = String(await pods.pod(0).redis('INFO', 'server'));
    expect(Number(/process_id:(\d+)/.exec(info)?.[1])).not.toBe(pods.pod(0).redisPid);
  });

  test('the password is in no argument list and in no file that others can read', async () => {
    await pods.start();
    await pods.settle();
    const { execFile } = await import('node:child_process');
    const list = await new Promise<string>((resolve) => {
      execFile('ps', ['-eo', 'args'], (_error, stdout) => resolve(stdout));
    });
    expect(list).not.toContain(PASSWORD);
  });
});
