import type { HttpTarget, RedisTarget } from './load/job.ts';
import type { Daprd } from './peers/daprd.ts';
import { sampleWrite } from './session-samples.ts';
import type { SidecarUnderTest } from './sidecar.ts';

/** What is read and written: as many sessions for each contender, of the same bytes. */
export interface SessionSet {
  /** Ids at our sidecar. */
  ids: readonly string[];
  /** Sections of a session, each as JSON. */
  sections: Record<string, string>;
}

const TTL_SECONDS = 86_400;

export const readOurs = ({ ids }: SessionSet, { port }: SidecarUnderTest): HttpTarget => ({
  kind: 'http',
  port,
  requests: ids.map((id) => ({ method: 'GET', path: `/api/sessions?sessionId=${id}` })),
});

export const writeOurs = ({ ids }: SessionSet, { port }: SidecarUnderTest): HttpTarget => ({
  kind: 'http',
  port,
  requests: ids.map((sessionId, turn) => ({
    method: 'POST',
    path: '/api/sessions',
    body: JSON.stringify({ sessionId, updates: sampleWrite(turn) }),
  })),
});

/** Raw Redis keeps a hash a session, a field a section, as the product's spec has it. */
const peerKey = (user: number) => `bench:peer:${user}`;

const onRedis = ({ ids }: SessionSet, port: number, commands: (key: string) => string[][]): RedisTarget => ({
  kind: 'redis',
  port,
  pipelines: ids.map((_, user) => commands(peerKey(user))),
});

export const readRedis = (set: SessionSet, port: number): RedisTarget =>
  onRedis(set, port, (key) => [['hgetall', key]]);

export const writeRedis = (set: SessionSet, port: number): RedisTarget =>
  onRedis(set, port, (key) => [
    ['hset', key, ...Object.entries(set.sections).flat()],
    ['expire', key, `${TTL_SECONDS}`],
  ]);

export const writeRedisWait = (set: SessionSet, port: number): RedisTarget =>
  onRedis(set, port, (key) => [
    ['hset', key, ...Object.entries(set.sections).flat()],
    ['expire', key, `${TTL_SECONDS}`],
    ['wait', '1', '1000'],
  ]);

/** daprd keeps a value a session: the whole of it. */
export const readDaprd = ({ ids }: SessionSet, { port, store }: Daprd): HttpTarget => ({
  kind: 'http',
  port,
  requests: ids.map((_, user) => ({ method: 'GET', path: `/v1.0/state/${store}/${user}` })),
});

export const writeDaprd = ({ ids, sections }: SessionSet, { port, store }: Daprd): HttpTarget => {
  const value = Object.fromEntries(
    Object.entries(sections).map(([name, text]) => [name, JSON.parse(text) as unknown]),
  );
  return {
    kind: 'http',
    port,
    requests: ids.map((_, user) => ({
      method: 'POST',
      path: `/v1.0/state/${store}`,
      body: JSON.stringify([{ key: `${user}`, value }]),
    })),
  };
};
