import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { eventually } from '../support/eventually.ts';
import { meanwhile } from '../support/meanwhile.ts';
import { PASSWORD, type RedisPod, RedisPods } from '../support/redis-pods.ts';

const NEXT = "naïve # $HOME `id` 'single' \"double";
const digest = (text: string) => createHash('sha256').update(text).digest('hex');
const digests = (...passwords: string[]) => passwords.map(digest).sort();

describe('a password of Redis that is rotated', () => {
  let pods: RedisPods;
  let primary: RedisPod;

  beforeEach(async () => {
    pods = await RedisPods.create();
    primary = await pods.startWhole();
  });
  afterEach(() => pods.stop());

  const accepted = (which: readonly RedisPod[], ...passwords: string[]) =>
    eventually('every server accepts just these', async () => {
      const seen = await Promise.all(
        which.flatMap((pod) => [pod.accepted(6379), pod.accepted(26379)].map((each) => each.catch(() => []))),
      );
      return seen.every((each) => String(each) === String(digests(...passwords)));
    });
  const used = (password: string) =>
    eventually('every server uses it', async () => {
      const seen = await Promise.all(
        pods.pods.flatMap((pod) => [
          pod.redis('CONFIG', 'GET', 'masterauth').then((pair) => (pair as string[])[1]),
          pod.sentinel('SENTINEL', 'CONFIG', 'GET', 'sentinel-pass').then((pair) => (pair as string[])[1]),
        ]),
      );
      return seen.every((each) => each === password);
    });
  const rotate = async () => {
    await pods.setCredentials({ password: PASSWORD, accepted: [PASSWORD, NEXT], generation: 1 });
    await accepted(pods.pods, PASSWORD, NEXT);
    await pods.setCredentials({ password: NEXT, accepted: [PASSWORD, NEXT], generation: 2 });
    await used(NEXT);
    await pods.setCredentials({ password: NEXT, accepted: [NEXT], generation: 2 });
    await accepted(pods.pods, NEXT);
  };

  test('is taken by every server in turn, without one write or subscription of the old one being refused', async () => {
    const writer = primary.connect();
    const subscriber = primary.connect();
    const heard: string[] = [];
    await subscriber.subscribe('news');
    subscriber.on('message', (_channel, text) => heard.push(text));
    let written = 0;
    const writing = meanwhile(async () => {
      await writer.multi().incr('count').publish('news', String(written)).exec();
      written++;
    });
    await rotate();
    await writing.stop();
    expect(await primary.redis('GET', 'count')).toBe(String(written));
    await eventually('the last message came', () => heard.length === written);
    for (const client of [writer, subscriber]) client.disconnect();
    for (const pod of pods.pods) {
      const stale = pod.connect(6379, { password: PASSWORD });
      await expect(stale.ping()).rejects.toThrow(/WRONGPASS/);
      stale.disconnect();
    }
  });

  test('is what replication, failover and restarted Sentinels use afterwards', async () => {
    await primary.writeSafely('kept', 'yes');
    await rotate();
    const [restarted, other] = pods.pods.filter((pod) => pod !== primary) as [RedisPod, RedisPod];
    // With the sentinel.conf that it wrote itself.
    await restarted.killSentinel();
    await restarted.startSentinel();
    await primary.delete({ volume: 'lost' });
    const next = await pods.primaryAmong([restarted, other]);
    await primary.start();
    await pods.settle();
    await next.writeSafely('more', 'yes');
    expect(await primary.redis('MGET', 'kept', 'more')).toEqual(['yes', 'yes']);
  });

  test('is never refused to a probe, whichever password Redis still wants', async () => {
    const pod = pods.pod(1);
    await eventually('it is ready', () => pod.probe('ready'));
    await pods.setCredentials({ password: PASSWORD, accepted: [PASSWORD, NEXT], generation: 1 });
    await accepted(pods.pods, PASSWORD, NEXT);
    // As when the Secret goes on before its servers were told: only the other password is right.
    for (const user of [pods.primaryName, 'default'])
      await pod.redis('ACL', 'SETUSER', user, `!${digest(PASSWORD)}`);
    const answers = await Promise.all([pod.probe('ready'), pod.probe('live')]);
    expect(answers).toEqual([true, true]);
  });

  test('reaches a server whose files skipped a phase', async () => {
    const [skipping, ...others] = pods.pods as [RedisPod, ...RedisPod[]];
    await pods.setCredentials({ password: PASSWORD, accepted: [PASSWORD, NEXT], generation: 1 }, others);
    await accepted(others, PASSWORD, NEXT);
    await pods.setCredentials({ password: NEXT, accepted: [NEXT], generation: 2 });
    await accepted([skipping, ...others], NEXT);
    await used(NEXT);
    expect(await skipping.probe('ready')).toBe(true);
  });

  test('reaches containers that were restarted with stale files, as soon as these are fresh', async () => {
    const [late, ...others] = pods.pods.filter((pod) => pod !== primary).reverse() as [RedisPod, RedisPod];
    const early = [...others, primary];
    await pods.setCredentials({ password: PASSWORD, accepted: [PASSWORD, NEXT], generation: 1 }, early);
    await accepted(early, PASSWORD, NEXT);
    await Promise.all([late.killRedis(), late.killSentinel()]);
    await late.start();
    await accepted([late], PASSWORD);
    await pods.settle();
    await pods.setCredentials({ password: PASSWORD, accepted: [PASSWORD, NEXT], generation: 1 });
    await accepted(pods.pods, PASSWORD, NEXT);
    expect(pods.primaryOf(await pods.settle())).toBe(primary);
  });

  test('is told again to a Sentinel that watches with a wrong one', async () => {
    const pod = pods.pod(1);
    await pod.sentinel('SENTINEL', 'SET', pods.primaryName, 'auth-pass', 'a former one');
    await primary.redis('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    const flags = async () => {
      const fields = (await pod.sentinel('SENTINEL', 'MASTER', pods.primaryName)) as string[];
      return fields[fields.indexOf('flags') + 1];
    };
    await eventually('it holds the primary for down', async () => (await flags())?.includes('s_down'));
    await eventually('it does so no more', async () => (await flags()) === 'master');
  });

  test('stands in no argument list, nor does its hash', async () => {
    const lists = new Set<string>();
    const watching = meanwhile(async () => {
      const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
      for (const line of stdout.split('\n')) lists.add(line);
    });
    await rotate();
    await watching.stop();
    const all = [...lists].join('\n');
    expect(all).toContain('redis-cli');
    for (const secret of [PASSWORD, NEXT, digest(PASSWORD), digest(NEXT)]) expect(all).not.toContain(secret);
  });
});
