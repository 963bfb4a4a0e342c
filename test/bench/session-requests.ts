import type { HttpTarget, RedisTarget } from './load/job.ts';
import type { Daprd } from './peers/daprd.ts';
import { createExpressSession, type ExpressSession } from './peers/express-session.ts';
import { sampleWrite } from './session-samples.ts';
import type { SidecarUnderTest } from './sidecar.ts';

/** What is read and written: as many sessions for each contender, of the same content. */
export interface SessionSet {
  /** Ids at our sidecar. */
  ids: readonly string[];
  /** One of them as our sidecar gives it. */
  session: Readonly<Record<string, unknown>>;
}

const TTL_SECONDS = 86_400;

export const readOurs = ({ ids }: Pick<SessionSet, 'ids'>, { port }: SidecarUnderTest): HttpTarget => ({
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

/** What our writes would cost without a sidecar: a hash a session, a field a section, and a replica's confirmation. */
export const writeRedis = ({ ids, session }: SessionSet, port: number): RedisTarget => {
  const fields = Object.entries(session).flatMap(([section, value]) => [section, JSON.stringify(value)]);
  return {
    kind: 'redis',
    port,
    pipelines: ids.map((_, user) => [
      ['hset', `bench:raw:${user}`, ...fields],
      ['expire', `bench:raw:${user}`, `${TTL_SECONDS}`],
      ['wait', '1', '1000'],
    ]),
  };
};

/** daprd keeps a value a session: the whole of it. */
export const readDaprd = ({ ids }: SessionSet, { port, store }: Daprd): HttpTarget => ({
  kind: 'http',
  port,
  requests: ids.map((_, user) => ({ method: 'GET', path: `/v1.0/state/${store}/${user}` })),
});

/** `strong`: daprd then sends WAIT for all replicas, if on a connection of its own choice. */
export const writeDaprd = (
  { ids, session }: SessionSet,
  { port, store }: Daprd,
  consistency: 'eventual' | 'strong',
): HttpTarget => ({
  kind: 'http',
  port,
  requests: ids.map((_, user) => ({
    method: 'POST',
    path: `/v1.0/state/${store}`,
    body: JSON.stringify([{ key: `${user}`, value: session, options: { consistency } }]),
  })),
});

/** Makes as many sessions at the Express app, of the same content, and gives what reads and what writes them. */
export async function expressTargets(
  { ids, session }: SessionSet,
  app: ExpressSession,
): Promise<{ read: HttpTarget; write: HttpTarget }> {
  const cookies: string[] = [];
  for (const _ of ids) cookies.push(await createExpressSession(app, session));
  const target = { kind: 'http' as const, port: app.port };
  const path = '/session';
  return {
    read: { ...target, requests: cookies.map((cookie) => ({ method: 'GET', path, cookie })) },
    write: {
      ...target,
      requests: cookies.map((cookie, turn) => ({
        method: 'POST',
        path,
        cookie,
        body: JSON.stringify({ updates: sampleWrite(turn) }),
      })),
    },
  };
}
