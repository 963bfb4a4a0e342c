import { createServer, type Server } from 'node:net';
import { Redis } from 'ioredis';
import { sentinelNameOf } from '../../operator/src/desired/index.ts';
import type { TimedRedisObservation } from '../../operator/src/redis/index.ts';
import { eventually } from '../support/eventually.ts';
import { PASSWORD, type RedisPod, RedisPods } from '../support/redis-pods.ts';

const connect = (host: string, port: number) =>
  new Redis({ host, port, password: PASSWORD, retryStrategy: () => null, enableOfflineQueue: true }).on(
    'error',
    () => {},
  );
const command = async (host: string, port: number, ...words: [string, ...string[]]): Promise<unknown> => {
  const client = connect(host, port);
  try {
    return await client.call(...words);
  } finally {
    client.disconnect();
  }
};
const redis = (pod: RedisPod, ...words: [string, ...string[]]) => command(pod.ip, 6379, ...words);
const sentinel = (pod: RedisPod, ...words: [string, ...string[]]) => command(pod.ip, 26379, ...words);

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

const isWhole = ({ judgement, observation }: TimedRedisObservation): boolean =>
  judgement.primaries.length === 1 &&
  judgement.elected === judgement.primary?.address &&
  observation.nodes.every((node) => node.reachable && (node.role === 'primary' || node.linkUp)) &&
  observation.sentinels.every(
    (each) => each.reachable && each.knows === 2 && each.primary === judgement.elected,
  );

describe('the Redis pods and the operator that tends them', () => {
  let pods: RedisPods;
  const start = async () => {
    await Promise.all(pods.pods.map((pod) => pod.start()));
  };
  /** Visits, as the operator does, until everything is as it should be. */
  const settle = () =>
    eventually(
      'one primary, all follow and the Sentinels agree',
      async () => {
        const seen = await pods.visit();
        return isWhole(seen) ? seen : undefined;
      },
      { everyMs: 200 },
    );
  const primaryOf = ({ judgement }: TimedRedisObservation): RedisPod => {
    const pod = pods.pods.find(({ name }) => name === judgement.primary?.pod);
    if (!pod) throw new Error('there is no primary');
    return pod;
  };
  /** A write that a replica has as well. */
  const writeSafely = (pod: RedisPod, key: string, value: string) =>
    eventually(`${key} is on a replica`, async () => {
      const client = connect(pod.ip, 6379);
      try {
        await client.set(key, value);
        return (await client.call('WAIT', '2', '2000')) === 2;
      } catch {
        return false;
      } finally {
        client.disconnect();
      }
    });

  beforeEach(async () => {
    pods = await RedisPods.create();
  });
  afterEach(() => pods.stop());

  test('new pods are never writable by themselves; the operator makes the first one the primary', async () => {
    await start();
    const seen = await eventually('all are seen unassigned', async () => {
      const seen = await pods.look();
      return seen.judgement.unassigned.length === 3 && seen.judgement.decision.kind === 'build'
        ? seen
        : undefined;
    });
    expect(seen.judgement.decision).toEqual({ kind: 'build', primary: 'demo-redis-0', why: 'first' });
    await expect(redis(pods.pod(0), 'SET', 'a', '1')).rejects.toThrow(/READONLY/);
    const whole = await settle();
    expect(whole.judgement.primary?.pod).toBe('demo-redis-0');
    await writeSafely(pods.pod(0), 'a', '1');
  });

  test('a whole topology gets no order from the operator', async () => {
    await start();
    await settle();
    pods.ordered.length = 0;
    for (let visits = 0; visits < 5; visits++) await pods.visit();
    expect(pods.ordered).toEqual([]);
  });

  test('a primary that comes back empty, at once and at its old address, follows and wipes nothing', async () => {
    await start();
    const primary = primaryOf(await settle());
    await writeSafely(primary, 'kept', 'yes');
    await primary.delete({ volume: 'lost' });
    await primary.start();
    const after = await settle();
    expect(after.judgement.primary?.pod).not.toBe(primary.name);
    expect(await redis(primary, 'GET', 'kept')).toBe('yes');
    expect(await redis(primaryOf(after), 'GET', 'kept')).toBe('yes');
  });

  test('a primary that only crashed goes on as the primary, with its data', async () => {
    await start();
    const primary = primaryOf(await settle());
    await writeSafely(primary, 'kept', 'yes');
    await primary.killRedis();
    await primary.startRedis();
    const after = await settle();
    expect(await redis(primaryOf(after), 'GET', 'kept')).toBe('yes');
  });

  test('when a primary is gone for good the Sentinels elect another without the operator', async () => {
    await start();
    const primary = primaryOf(await settle());
    await writeSafely(primary, 'kept', 'yes');
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
    expect(await redis(primaryOf(after), 'GET', 'kept')).toBe('yes');
    expect(pods.ordered).toEqual([]);
  });

  test('pods that all come back on their volumes go on where the last primary stopped', async () => {
    await start();
    const primary = primaryOf(await settle());
    await writeSafely(primary, 'kept', 'yes');
    await Promise.all(pods.pods.map((pod) => pod.delete({ volume: 'kept' })));
    await start();
    const after = await settle();
    expect(after.judgement.primary?.pod).toBe(primary.name);
    expect(await redis(primary, 'GET', 'kept')).toBe('yes');
  });

  test('pods that all come back empty are built anew', async () => {
    await start();
    const primary = primaryOf(await settle());
    await writeSafely(primary, 'lost', 'yes');
    await Promise.all(pods.pods.map((pod) => pod.delete({ volume: 'lost' })));
    await start();
    const after = await settle();
    expect(await redis(primaryOf(after), 'DBSIZE')).toBe(0);
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
    await start();
    const primary = primaryOf(await settle());
    await writeSafely(primary, 'lost', 'yes');
    await replaceAll(primary, { volume: 'lost' });
    const after = await settle();
    expect(await redis(primaryOf(after), 'DBSIZE')).toBe(0);
    await writeSafely(primaryOf(after), 'new', 'yes');
  });

  test('pods that all come back elsewhere on their volumes keep their data, although the Sentinels wait for a ghost', async () => {
    await start();
    const primary = primaryOf(await settle());
    await writeSafely(primary, 'kept', 'yes');
    await replaceAll(primary, { volume: 'kept' });
    const after = await settle();
    expect(after.judgement.primary?.pod).toBe(primary.name);
    expect(await redis(primaryOf(after), 'GET', 'kept')).toBe('yes');
    await writeSafely(primaryOf(after), 'new', 'yes');
  });

  test('a Sentinel that lost its memory learns from its peers and takes its old place', async () => {
    await start();
    const { judgement } = await settle();
    const pod = pods.pod(2);
    const others = async () => {
      const answer = (await sentinel(
        pods.pod(0),
        'SENTINEL',
        'SENTINELS',
        sentinelNameOf(pods.cluster),
      )) as string[];
      return answer.length;
    };
    await eventually('the Sentinels know each other', async () => (await others()) === 2);
    pods.ordered.length = 0;
    await pod.delete({ volume: 'lost' });
    await pod.start();
    await settle();
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
      redis(primary, 'REPLICAOF', 'NO', 'ONE').catch(() => undefined),
    );
    await eventually('the replica answers', () =>
      redis(replica, 'REPLICAOF', first.ip, '6379').catch(() => undefined),
    );
    const servers = [await fakeSentinel(first, answers), await fakeSentinel(primary, answers)];
    try {
      await eventually('it follows', async () =>
        String(await redis(replica, 'INFO', 'replication')).includes(`master_host:${primary.ip}`),
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
    await eventually('it answers', () => redis(pods.pod(0), 'PING').catch(() => undefined));
    const info = String(await redis(pods.pod(0), 'INFO', 'server'));
    expect(Number(/process_id:(\d+)/.exec(info)?.[1])).not.toBe(pods.pod(0).redisPid);
  });

  test('the password is in no argument list and in no file that others can read', async () => {
    await start();
    await settle();
    const { execFile } = await import('node:child_process');
    const list = await new Promise<string>((resolve) => {
      execFile('ps', ['-eo', 'args'], (_error, stdout) => resolve(stdout));
    });
    expect(list).not.toContain(PASSWORD);
  });
});
