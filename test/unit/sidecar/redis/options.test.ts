import { SIDECAR_SETTINGS } from '@hyperpage/contract';
import { SettingsError } from '@hyperpage/runtime';
import {
  connectionOptions,
  HEARTBEAT_TIMEOUT_MS,
  redisTarget,
  writeTimeoutMs,
} from '../../../../sidecar/src/redis/options.ts';

const none = {
  redisUrl: undefined,
  redisSentinels: undefined,
  redisMasterName: undefined,
  redisPasswordFile: undefined,
  redisCaFile: undefined,
  redisTlsServerName: undefined,
};

describe('where Redis is', () => {
  test('by URL, or by sentinels and the name of the primary', () => {
    expect(redisTarget({ ...none, redisUrl: 'redis://redis:6379' })).toEqual({
      kind: 'url',
      url: 'redis://redis:6379',
    });
    expect(
      redisTarget({
        ...none,
        redisSentinels: 'demo-redis-0.demo-redis:26379,demo-redis-1.demo-redis:26379',
        redisMasterName: 'hyperpage-1',
        redisPasswordFile: '/run/password',
      }),
    ).toEqual({
      kind: 'sentinels',
      sentinels: [
        { host: 'demo-redis-0.demo-redis', port: 26379 },
        { host: 'demo-redis-1.demo-redis', port: 26379 },
      ],
      masterName: 'hyperpage-1',
      passwordFile: '/run/password',
    });
  });

  test.each([
    [none, /REDIS_URL/],
    [{ ...none, redisUrl: 'redis://a', redisSentinels: 'b:1' }, /both/],
    [{ ...none, redisSentinels: 'b:1' }, /HYPERPAGE_REDIS_MASTER_NAME/],
    [{ ...none, redisUrl: 'redis://:a b@' }, /REDIS_URL is no URL/],
  ])('settings that name no Redis or two are refused by name: %j', (settings, wants) => {
    expect(() => redisTarget(settings)).toThrow(SettingsError);
    expect(() => redisTarget(settings)).toThrow(wants);
  });

  const sentinels = { ...none, redisSentinels: 'b:1', redisMasterName: 'm' };

  test.each([
    [{ ...none, redisUrl: 'rediss://redis:6380' }, { serverName: 'redis' }],
    [{ ...none, redisUrl: 'rediss://10.0.0.1:6380' }, {}],
    [{ ...none, redisUrl: 'rediss://[::1]:6380', redisCaFile: '/ca.crt' }, { caFile: '/ca.crt' }],
    [
      { ...none, redisUrl: 'rediss://10.0.0.1', redisCaFile: '/ca.crt', redisTlsServerName: 'a.svc' },
      { caFile: '/ca.crt', serverName: 'a.svc' },
    ],
    [{ ...none, redisUrl: 'redis://redis' }, undefined],
    [sentinels, undefined],
    [{ ...sentinels, redisCaFile: '/ca.crt' }, { caFile: '/ca.crt' }],
    [
      { ...sentinels, redisCaFile: '/ca.crt', redisTlsServerName: 'a.svc' },
      { caFile: '/ca.crt', serverName: 'a.svc' },
    ],
  ])('encrypted by rediss:// or by a file of authorities beside sentinels: %j', (settings, tls) => {
    expect(redisTarget(settings).tls).toEqual(tls);
  });

  test.each([
    [{ ...sentinels, redisTlsServerName: 'a.svc' }, /SERVER_NAME is set, and HYPERPAGE_REDIS_CA_FILE is not/],
    [{ ...none, redisUrl: 'redis://a', redisCaFile: '/ca.crt' }, /HYPERPAGE_REDIS_CA_FILE .*rediss:/],
    [
      { ...none, redisUrl: 'redis://a', redisTlsServerName: 'a.svc' },
      /HYPERPAGE_REDIS_TLS_SERVER_NAME .*rediss:/,
    ],
  ])('settings that ask for TLS on connections that have none are refused by name: %j', (settings, wants) => {
    expect(() => redisTarget(settings)).toThrow(SettingsError);
    expect(() => redisTarget(settings)).toThrow(wants);
  });

  test('the name to verify is a DNS name, never an address', () => {
    const { parse } = SIDECAR_SETTINGS.redisTlsServerName;
    expect(parse('demo-redis.shop.svc')).toBe('demo-redis.shop.svc');
    for (const wrong of ['10.0.0.1', '::1', 'a b', 'a.svc:6379', '']) expect(parse(wrong)).toBeUndefined();
  });

  test('no command is ever sent twice, and none waits for a connection', () => {
    const options = connectionOptions({ kind: 'url', url: 'redis://a' }, () => 0.5);
    expect(options).toMatchObject({
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
    });
    expect(options.commandTimeout).toBeGreaterThan(0);
    expect(options.connectTimeout).toBeGreaterThan(0);
  });

  test('only the sentinels that were named are asked, and only for the primary', () => {
    const options = connectionOptions(
      { kind: 'sentinels', sentinels: [{ host: 'a', port: 1 }], masterName: 'm' },
      () => 0.5,
    );
    expect(options).toMatchObject({ name: 'm', role: 'master', updateSentinels: false });
  });

  test('a demoted primary makes the connection ask anew', () => {
    const { reconnectOnError } = connectionOptions({ kind: 'url', url: 'redis://a' }, () => 0.5);
    expect(reconnectOnError?.(new Error("READONLY You can't write against a read only replica."))).toBe(true);
    expect(reconnectOnError?.(new Error('ERR something else'))).toBe(false);
  });

  test('a caller is told of silence before the connection is given up, and a wait for replicas fits in', () => {
    const { commandTimeout } = connectionOptions({ kind: 'url', url: 'redis://a' }, () => 0.5);
    for (const waitMs of [0, 1000]) {
      expect(writeTimeoutMs(waitMs)).toBeGreaterThanOrEqual(commandTimeout ?? Number.POSITIVE_INFINITY);
      expect(writeTimeoutMs(waitMs)).toBeGreaterThan(waitMs);
      expect(writeTimeoutMs(waitMs)).toBeLessThan(HEARTBEAT_TIMEOUT_MS);
    }
  });
});
