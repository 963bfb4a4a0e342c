import { readSettings, SettingsError } from '@hyperpage/runtime';
import type { Stored } from '../../../operator/src/kube/index.ts';
import { createLeaseSilence } from '../../../operator/src/lease-silence.ts';
import { keyFor } from '../../../operator/src/operator.ts';
import { readInfo, readSentinelMaster } from '../../../operator/src/redis/info.ts';
import { createSecretReader } from '../../../operator/src/secrets.ts';
import { helpText, OPERATOR_SETTINGS } from '../../../operator/src/settings.ts';
import { statusOf } from '../../../operator/src/status/index.ts';
import { transitions } from '../../../operator/src/transitions.ts';
import { createWrittenStatuses } from '../../../operator/src/written-statuses.ts';
import type { VirtualClock } from '../../support/virtual-clock.ts';
import {
  clusterOf,
  leaseOf,
  nodeOf,
  observedOf,
  PODS,
  podOf,
  silentOf,
  timed,
  wholeRedis,
} from './fixtures.ts';

describe('silence of a Lease', () => {
  test('is counted from when a renewal was seen, by our own clock', () => {
    let nowMs = 1000;
    const silence = createLeaseSilence({ monotonicMs: () => nowMs } as VirtualClock);
    const lease = leaseOf('demo-a_1');
    expect(silence.silentMs(lease)).toBe(0);
    nowMs += 5000;
    expect(silence.silentMs(lease)).toBe(5000);
    const renewed = { ...lease, spec: { ...lease.spec, renewTime: '2020-01-01T00:00:00.000000Z' } };
    expect(silence.saw(renewed)).toBe(false);
    expect(silence.silentMs(renewed)).toBe(0);
    expect(silence.saw({ ...renewed, spec: { ...renewed.spec, holderIdentity: 'demo-b_2' } })).toBe(true);
  });
});

describe('Events', () => {
  const now = Date.parse('2026-05-01T12:00:00Z');
  const well = statusOf(observedOf(), { kind: 'rest' }, [], now);
  test('tell nothing where nothing flipped', () => {
    expect(transitions(well, well)).toEqual([]);
  });
  test('tell of a first visit only what is not as it should be, and who leads', () => {
    expect(transitions(undefined, well).map(({ reason }) => reason)).toEqual([
      'ConfigurationWarningTrue',
      'LeaderChanged',
    ]);
  });
  test('warn of what broke and tell as normal that it is mended', () => {
    const nodes = [silentOf(PODS[0]), ...wholeRedis().nodes.slice(1)];
    const broken = statusOf(
      observedOf({ cluster: clusterOf({}, well), redis: timed(wholeRedis({ nodes })) }),
      { kind: 'rest' },
      [],
      now,
    );
    expect(transitions(well, broken).map(({ type, reason }) => [type, reason])).toEqual([
      ['Warning', 'ReadyFalse'],
      ['Warning', 'DegradedTrue'],
      ['Warning', 'RedisAvailableFalse'],
    ]);
    expect(transitions(broken, well).every(({ type }) => type === 'Normal')).toBe(true);
  });
});

describe('which cluster a change concerns', () => {
  const pod = podOf('demo-a', 'app', true);
  test('is told by the label', () => {
    expect(keyFor({ type: 'added', object: pod })).toBe('demo/demo');
  });
  test('is none for a change of nothing but the status', () => {
    const cluster = clusterOf() as unknown as Stored<'HyperpageCluster'>;
    const next = {
      ...cluster,
      metadata: { ...cluster.metadata, resourceVersion: '11' },
    } as Stored<'HyperpageCluster'>;
    expect(keyFor({ type: 'updated', object: next, previous: cluster })).toBeUndefined();
    const edited = { ...next, metadata: { ...next.metadata, generation: 4 } } as Stored<'HyperpageCluster'>;
    expect(keyFor({ type: 'updated', object: edited, previous: cluster })).toBe('demo/demo');
  });
});

test('a status that the cache does not have yet is still the one before', () => {
  const statuses = createWrittenStatuses();
  const cluster = clusterOf();
  statuses.wrote(cluster.metadata.uid, '11', { replicas: 5 });
  expect(statuses.latest(cluster).status).toEqual({ replicas: 5 });
  const caughtUp = { ...cluster, metadata: { ...cluster.metadata, resourceVersion: '11' } };
  expect(statuses.latest(caughtUp).status).toBeUndefined();
});

describe('a Secret of the user’s', () => {
  const secret = (data: Record<string, string>) => ({ data }) as unknown as Stored<'Secret'>;
  test('is asked for once in a while', async () => {
    let asked = 0;
    let nowMs = 0;
    const client = {
      get: async () => (asked++, secret({ k: Buffer.from('v\n').toString('base64') }) as never),
    };
    const reader = createSecretReader(client, { monotonicMs: () => nowMs } as VirtualClock, 1000);
    const reference = { name: 's', key: 'k' };
    expect(await reader.read('demo', reference)).toEqual({ kind: 'present', value: 'v' });
    await reader.read('demo', reference);
    expect(asked).toBe(1);
    nowMs = 1001;
    await reader.read('demo', reference);
    expect(asked).toBe(2);
  });
  test.each<[Stored<'Secret'> | undefined, RegExp]>([
    [undefined, /s does not exist: create it with the key k/],
    [secret({}), /s has no key k: add it/],
    [secret({ k: '' }), /s has an empty k: write the value/],
  ])('that is of no use says what to do', (value, says) => {
    const reader = createSecretReader({ get: async () => undefined }, {} as VirtualClock);
    const answer = reader.valueIn(value, { namespace: 'demo', name: 's', key: 'k' });
    expect(answer).toMatchObject({ kind: 'missing', problem: expect.stringMatching(says) });
  });
});

describe('what Redis says', () => {
  test('of a primary, its replicas and what keeps it from writing', () => {
    const info = (lines: string[]) => readInfo(lines.join('\r\n'));
    const primary = [
      'role:master',
      'connected_slaves:2',
      'slave0:ip=1,lag=0',
      'slave1:ip=2,lag=12',
      'db0:keys=3,expires=0',
      'db1:keys=4',
    ];
    expect(info(primary)).toMatchObject({
      role: 'primary',
      connectedReplicas: 2,
      slowestReplicaSeconds: 12,
      keys: 7,
    });
    expect(info([...primary, 'min_slaves_good_slaves:0']).refuses).toMatch(/min-replicas-to-write/);
    expect(
      info([...primary, 'maxmemory:10', 'used_memory:11', 'maxmemory_policy:noeviction']).refuses,
    ).toMatch(/memory is full/);
    expect(info([...primary, 'min_slaves_good_slaves:1']).refuses).toBeUndefined();
    const ofFive = (good: number) => readInfo(`role:master\r\nmin_slaves_good_slaves:${good}`, 2).refuses;
    expect(ofFive(1)).toMatch(/only 1 of 2 replicas/);
    expect(ofFive(2)).toBeUndefined();
  });
  test('of a replica and of one that is unassigned', () => {
    const replica = (host: string, port: number, status: string) =>
      readInfo(
        `role:slave\r\nmaster_host:${host}\r\nmaster_port:${port}\r\nmaster_link_status:${status}\r\n`,
      );
    expect(replica('10.0.0.1', 6379, 'up')).toMatchObject({
      role: 'replica',
      follows: '10.0.0.1:6379',
      linkUp: true,
    });
    expect(replica('127.0.0.1', 1, 'down')).toMatchObject({
      role: 'unassigned',
      formerPrimary: false,
      linkUp: false,
    });
    expect(replica('127.0.0.1', 2, 'down')).toMatchObject({ role: 'unassigned', formerPrimary: true });
    expect(nodeOf(PODS[0]).role).toBe('unassigned');
  });
  test('of a Sentinel', () => {
    const flags = 'master,o_down,failover_in_progress';
    expect(
      readSentinelMaster([
        'name',
        'x',
        'ip',
        '10.0.0.1',
        'port',
        '6379',
        'flags',
        flags,
        'num-other-sentinels',
        '2',
        'quorum',
        '2',
      ]),
    ).toEqual({
      quorum: 2,
      primary: '10.0.0.1:6379',
      knows: 2,
      failingOver: true,
      primaryDown: true,
    });
  });
});

test('garbage in a setting is named with what it wants; --help names every setting', () => {
  expect(() => readSettings(OPERATOR_SETTINGS, { HYPERPAGE_OPERATOR_WORKERS: 'many' })).toThrow(
    SettingsError,
  );
  expect(() => readSettings(OPERATOR_SETTINGS, { HYPERPAGE_OPERATOR_WORKERS: 'many' })).toThrow(
    /HYPERPAGE_OPERATOR_WORKERS is "many"; it wants a whole number from 1 to 64/,
  );
  for (const { env } of Object.values(OPERATOR_SETTINGS)) expect(helpText()).toContain(env);
});
