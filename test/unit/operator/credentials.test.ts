import { credentialsIn, rotationOf } from '../../../operator/src/credentials.ts';
import { credentialsSecret, type RedisCredentials } from '../../../operator/src/desired/index.ts';
import { digestOf } from '../../../operator/src/redis/index.ts';
import { clusterOf, nodeOf, PODS, sentinelOf, silentOf, timed, wholeRedis } from './fixtures.ts';

const OLD = 'old';
const NEW = 'new';
const atRest: RedisCredentials = { password: OLD, accepted: [OLD], generation: 4 };
const adding: RedisCredentials = { ...atRest, accepted: [OLD, NEW] };
const switched: RedisCredentials = { password: NEW, accepted: [OLD, NEW], generation: 5 };
const APP = ['10.0.9.1', '10.0.9.2'];

const servers = (accepted: string[], uses: string, generations: number[] = [], ips = APP) => {
  const credentials = { accepts: accepted.map(digestOf), uses: digestOf(uses) };
  const clients = { generations: generations.map((generation, i) => ({ ip: ips[i] ?? '', generation })) };
  const more = { credentials, ...(generations.length > 0 ? { clients } : {}) };
  return timed(
    wholeRedis({
      nodes: PODS.map((pod) => nodeOf(pod, more)),
      sentinels: PODS.map((pod) => sentinelOf(pod, more)),
    }),
  );
};
const rotation = (stored: RedisCredentials, wanted: string | undefined, redis = servers([OLD], OLD)) =>
  rotationOf({ stored, wanted, redis, appIps: APP });

describe('a rotation of the password', () => {
  test('begins with servers that accept both', () => {
    expect(rotation(atRest, NEW)).toEqual({ kind: 'write', credentials: adding });
  });
  test('goes on when every server accepts both', () => {
    expect(rotation(adding, NEW)).toEqual({
      kind: 'wait',
      why: 'demo-redis-0 does not accept the new password yet',
    });
    expect(rotation(adding, NEW, servers([OLD, NEW], OLD))).toEqual({ kind: 'write', credentials: switched });
  });
  test('waits for servers to use the new one, and then for every pod of the app', () => {
    expect(rotation(switched, NEW, servers([OLD, NEW], OLD, [5, 5]))).toMatchObject({
      why: 'demo-redis-0 does not use the new password yet',
    });
    expect(rotation(switched, NEW, servers([OLD, NEW], NEW))).toMatchObject({
      why: 'the connections of the app have not been looked at yet',
    });
    expect(rotation(switched, NEW, servers([OLD, NEW], NEW, [5, 4]))).toMatchObject({
      why: 'the app pod at 10.0.9.2 does not use the new password yet',
    });
    expect(rotation(switched, NEW, servers([OLD, NEW], NEW, [5]))).toMatchObject({
      why: 'the app pod at 10.0.9.2 does not use the new password yet',
    });
  });
  test('ends with the old one forgotten', () => {
    expect(rotation(switched, NEW, servers([OLD, NEW], NEW, [5, 5]))).toEqual({
      kind: 'write',
      credentials: { password: NEW, accepted: [NEW], generation: 5 },
    });
    const done = { password: NEW, accepted: [NEW], generation: 5 };
    expect(rotation(done, NEW, servers([OLD, NEW], NEW))).toEqual({
      kind: 'wait',
      why: 'demo-redis-0 still accepts a former password',
    });
    expect(rotation(done, NEW, servers([NEW], NEW))).toEqual({ kind: 'none' });
  });
  test('waits for a server that does not answer', () => {
    const redis = servers([OLD, NEW], OLD);
    const nodes = [...redis.observation.nodes.slice(0, 2), silentOf(PODS[2])];
    expect(rotation(adding, NEW, { ...redis, observation: { ...redis.observation, nodes } })).toEqual({
      kind: 'wait',
      why: 'demo-redis-2 does not accept the new password yet',
    });
  });
  test('that is taken back before anybody uses the new one is undone', () => {
    expect(rotation(adding, OLD)).toEqual({ kind: 'write', credentials: atRest });
  });
  test('to a third password replaces one that nobody uses yet, and comes after one that somebody does', () => {
    expect(rotation(adding, 'third')).toEqual({
      kind: 'write',
      credentials: { ...atRest, accepted: [OLD, 'third'] },
    });
    expect(rotation(switched, 'third', servers([OLD, NEW], NEW, [5, 5]))).toEqual({
      kind: 'write',
      credentials: { password: NEW, accepted: [NEW], generation: 5 },
    });
  });
  test('is none while the Secret says nothing', () => {
    expect(rotation(atRest, undefined)).toEqual({ kind: 'none' });
  });
});

describe('the Secret that the pods mount', () => {
  const stored = (credentials: RedisCredentials) =>
    credentialsSecret(clusterOf(), credentials) as unknown as Parameters<typeof credentialsIn>[0];
  test('gives back what was put in', () => {
    expect(credentialsIn(stored(switched))).toEqual(switched);
  });
  test.each([
    ['nothing', undefined],
    ['a password that it does not accept', stored({ ...atRest, accepted: [NEW] })],
    ['a generation that is no number', stored({ ...atRest, generation: Number.NaN })],
  ])('with %s holds no credentials', (_what, secret) => {
    expect(credentialsIn(secret)).toBeUndefined();
  });
});
