import { liveSettings } from '../../../operator/src/desired/index.ts';
import { settingsFile, startSettings } from '../../../operator/src/desired/redis-settings.ts';
import { createSettingMemory } from '../../../operator/src/redis/index.ts';
import { changedSettings, isSameSetting } from '../../../operator/src/redis/settings.ts';
import { clusterOf } from './fixtures.ts';

test.each([
  ['256mb', '268435456', true],
  ['1g', '1000000000', true],
  ['Yes', 'yes', true],
  ['256mb', '256', false],
  ['allkeys-lru', 'noeviction', false],
])('%s is what Redis calls %s: %s', (wanted, read, same) => {
  expect(isSameSetting(wanted, read)).toBe(same);
});

test('a directive that Redis does not know is not asked of it', () => {
  expect(changedSettings({ new: '1', hz: '20' }, { hz: '10' }, (_name, a, b) => a === b)).toEqual({
    hz: '20',
  });
});

describe('what is known of how Redis takes settings', () => {
  test('is each cluster’s own', () => {
    const memory = createSettingMemory();
    memory.of('one').took('a', 'x', 'X1');
    expect(memory.of('one').isSame('a', 'x', 'X1')).toBe(true);
    expect(memory.of('two').isSame('a', 'x', 'X1')).toBe(false);
    memory.forget('one');
    expect(memory.of('one').isSame('a', 'x', 'X1')).toBe(false);
  });
  test('tells why one is refused, until the spec says something else', () => {
    const names = createSettingMemory().of('one');
    names.refused('maxmemory-policy', 'foo', 'no such policy');
    expect(names.isSame('maxmemory-policy', 'foo', 'noeviction')).toBe(true);
    expect(names.refusalOf({ 'maxmemory-policy': 'foo' })).toBe('no such policy');
    expect(names.refusalOf({ 'maxmemory-policy': 'allkeys-lru' })).toBeUndefined();
  });
});

describe('the settings of a Redis', () => {
  test('are safe where there is a disk, and where there is none as fast as it can be', () => {
    expect(liveSettings(clusterOf({ redis: { storage: { size: '1Gi' } } }))['appendfsync']).toBe('always');
    const fast = clusterOf({ redis: { storage: { size: '1Gi', fsync: 'EverySecond' } } });
    expect(liveSettings(fast)['appendfsync']).toBe('everysec');
    expect(liveSettings(clusterOf())['appendfsync']).toBe('everysec');
  });
  test.each([
    [3, '1'],
    [4, '2'],
    [5, '2'],
    [7, '3'],
  ])('of %d pods let a primary write with %s replicas: a majority', (replicas, wanted) => {
    expect(liveSettings(clusterOf({ redis: { replicas } }))['min-replicas-to-write']).toBe(wanted);
  });
  test('that only a restart brings are in the file, and change the pod template', () => {
    const cluster = clusterOf({ redis: { config: { databases: '4', 'notify-keyspace-events': '' } } });
    expect(liveSettings(cluster)).not.toHaveProperty('databases');
    expect(startSettings(cluster)).toBe('databases 4');
    expect(settingsFile(cluster)).toContain('databases 4\nnotify-keyspace-events ""\n');
    expect(startSettings(clusterOf())).toBeUndefined();
  });
});
