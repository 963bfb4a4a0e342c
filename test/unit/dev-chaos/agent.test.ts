import { accessOf } from '../../../dev/chaos/agent/access.ts';
import type { Connection } from '../../../dev/chaos/agent/connection.ts';
import { readState } from '../../../dev/chaos/agent/observer.ts';
import { Outbox } from '../../../dev/chaos/agent/outbox.ts';
import { encode, RefusedReply, type Reply, ReplyReader } from '../../../dev/chaos/agent/resp.ts';
import { write } from '../../../dev/chaos/agent/writer.ts';
import { agentCode } from '../../../dev/chaos/launch.ts';

describe('replies of Redis', () => {
  const whole = Buffer.from(
    '+OK\r\n:7\r\n$-1\r\n$3\r\na\r\n\r\n*2\r\n$1\r\nx\r\n*1\r\n:1\r\n-ERR no\r\n',
    'latin1',
  );
  const wanted = ['OK', 7, null, 'a\r\n', ['x', [1]], new RefusedReply('ERR no')];

  test('are read however they are cut into chunks', () => {
    for (let size = 1; size <= whole.length; size++) {
      const reader = new ReplyReader();
      const replies: Reply[] = [];
      for (let at = 0; at < whole.length; at += size)
        replies.push(...reader.push(whole.subarray(at, at + size)));
      expect(replies).toEqual(wanted);
    }
  });

  test('keep every byte of a string', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const [reply] = new ReplyReader().push(
      Buffer.concat([Buffer.from('$256\r\n'), bytes, Buffer.from('\r\n')]),
    );
    expect(Buffer.from(String(reply), 'latin1')).toEqual(bytes);
  });

  test('commands are encoded by their bytes', () => {
    expect(encode(['SET', 'ä', 1]).toString()).toBe('*3\r\n$3\r\nSET\r\n$2\r\nä\r\n$1\r\n1\r\n');
  });
});

describe('the outbox', () => {
  let nowMs = 0;
  const seen = { address: '10.0.0.1:6379', runId: 'one', writable: true, goodReplicas: 2 };
  const outbox = () => {
    nowMs = 10_000;
    return new Outbox(() => nowMs);
  };

  test('joins what was acknowledged one after another, and breaks at a gap of number or time', () => {
    const box = outbox();
    for (const [n, ms] of [
      [0, 0],
      [1, 10],
      [3, 20],
      [4, 900],
    ] as const) {
      nowMs = 10_000 + ms;
      box.acked(n);
    }
    expect(box.close()?.acked).toEqual([
      { from: 0, to: 1, fromMs: 10_000, toMs: 10_010 },
      { from: 3, to: 3, fromMs: 10_020, toMs: 10_020 },
      { from: 4, to: 4, fromMs: 10_900, toMs: 10_900 },
    ]);
  });

  test('keeps a batch until the driver has it', () => {
    const box = outbox();
    box.acked(0);
    box.close();
    box.acked(1);
    box.close();
    expect(box.after(0).map(({ seq }) => seq)).toEqual([1, 2]);
    box.forget(1);
    expect(box.after(0).map(({ seq }) => seq)).toEqual([2]);
  });

  test('says each second that it is there', () => {
    const box = outbox();
    expect(box.close()).toBeDefined();
    nowMs += 500;
    expect(box.close()).toBeUndefined();
    nowMs += 500;
    expect(box.close()).toMatchObject({ acked: [], seq: 2 });
  });

  test('tells a primary as stretches without a change, which go on in the next batch', () => {
    const box = outbox();
    box.primary(seen);
    nowMs += 200;
    box.primary(seen);
    expect(box.close()?.primaries).toEqual([{ ...seen, fromMs: 10_000, toMs: 10_200 }]);
    nowMs += 200;
    box.primary(seen);
    nowMs += 200;
    box.primary({ ...seen, writable: false, goodReplicas: 0 });
    expect(box.close()?.primaries).toEqual([
      { ...seen, fromMs: 10_200, toMs: 10_400 },
      { ...seen, writable: false, goodReplicas: 0, fromMs: 10_600, toMs: 10_600 },
    ]);
  });

  test('does not claim the time in which a primary did not answer', () => {
    const box = outbox();
    box.primary(seen);
    nowMs += 5_000;
    box.primary(seen);
    expect(box.close()?.primaries).toEqual([
      { ...seen, fromMs: 10_000, toMs: 10_000 },
      { ...seen, fromMs: 15_000, toMs: 15_000 },
    ]);
  });
});

describe('a writable primary', () => {
  const info = (good: number, more = '') =>
    `# Server\r\nrun_id:abc\r\nloading:0\r\nrole:master\r\nconnected_slaves:2\r\nmin_slaves_good_slaves:${good}\r\n${more}`;

  test('has as many good replicas as it needs', () => {
    expect(readState(info(1), ['min-replicas-to-write', '1'])).toEqual({
      runId: 'abc',
      writable: true,
      goodReplicas: 1,
    });
    expect(readState(info(0), ['min-replicas-to-write', '1'])?.writable).toBe(false);
  });

  test('does not load its data', () => {
    expect(readState(info(2).replace('loading:0', 'loading:1'), [])?.writable).toBe(false);
  });

  test('is no replica', () => {
    expect(readState(info(2).replace('role:master', 'role:slave'), [])).toBeUndefined();
  });
});

describe('the writer', () => {
  /** Runs a writer against connections that answer WAIT with these counts, until they are used up. */
  async function run(counts: Array<number | Error>, replicas: number, vouched = true) {
    const acked: number[] = [];
    const failed: string[] = [];
    const commands: string[] = [];
    const { promise: finished, resolve } = Promise.withResolvers<void>();
    const connection: Connection = {
      open: true,
      peer: '10.0.0.1:6379',
      close: () => {},
      call: (args) => {
        commands.push(args.join(' '));
        if (args[0] !== 'WAIT') return Promise.resolve(0);
        const count = counts.shift();
        if (count === undefined) {
          resolve();
          return new Promise(() => {});
        }
        return count instanceof Error ? Promise.reject(count) : Promise.resolve(count);
      },
    };
    void write({
      key: 'k',
      replicas,
      paceMs: 0,
      wanted: () => true,
      connect: async () => connection,
      vouchFor: async () => vouched,
      acked: (n) => acked.push(n),
      failed: (why) => failed.push(why),
    });
    await finished;
    return { acked, failed, commands };
  }

  test('counts nothing while the Sentinels do not vouch for the primary', async () => {
    const { acked, failed } = await run([2], 2, false);
    expect(acked).toEqual([]);
    expect(failed).toEqual(['the Sentinels do not vouch for the primary']);
  });

  test('counts only what enough replicas confirmed, and never uses a number twice', async () => {
    const { acked, failed, commands } = await run([2, 1, new RefusedReply('NOREPLICAS Not enough'), 2], 2);
    expect(acked).toEqual([0, 3]);
    expect(failed).toEqual(['too few replicas confirmed', 'NOREPLICAS']);
    const written = commands.filter((one) => one.startsWith('SETBIT'));
    expect(written).toEqual(['SETBIT k 0 1', 'SETBIT k 1 1', 'SETBIT k 2 1', 'SETBIT k 3 1', 'SETBIT k 4 1']);
  });
});

test('the agent reads what the operator told the sidecar', () => {
  const access = accessOf({
    HYPERPAGE_REDIS_SENTINELS: 'shop-redis-0.shop-redis:26379,shop-redis-1.shop-redis:26379',
    HYPERPAGE_REDIS_MASTER_NAME: 'hyperpage-1',
    HYPERPAGE_SESSION_REPLICAS: '1',
  });
  expect(access.sentinels).toEqual([
    { host: 'shop-redis-0.shop-redis', port: 26379 },
    { host: 'shop-redis-1.shop-redis', port: 26379 },
  ]);
  expect(access).toMatchObject({ primaryName: 'hyperpage-1', replicas: 1 });
  expect(() => accessOf({})).toThrow('has no Redis');
});

test('the agent is one file without imports of its own', async () => {
  const code = await agentCode();
  expect(code).not.toMatch(/from\s*["']\.\.?\//);
  expect(Buffer.byteLength(code)).toBeLessThan(32 * 1024);
});
