import { CREDENTIAL_FILES } from '@hyperpage/contract';
import type { RedisCredentials } from './desired/index.ts';
import type { Stored } from './kube/index.ts';
import { type ClientReading, digestOf, type TimedRedisObservation } from './redis/index.ts';

/** The passwords in the Secret that the pods mount, or undefined when it does not hold them (any more). */
export function credentialsIn(secret: Stored<'Secret'> | undefined): RedisCredentials | undefined {
  const text = (key: string) => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString('utf8');
  const password = text(CREDENTIAL_FILES.password);
  const accepted = text(CREDENTIAL_FILES.accepted).split('\n').filter(Boolean);
  const generation = Number(text(CREDENTIAL_FILES.generation));
  const whole = password !== '' && accepted.includes(password) && Number.isSafeInteger(generation);
  return whole && accepted.length <= 2 ? { password, accepted, generation } : undefined;
}

/** What a rotation of Redis's password needs next. */
export type Rotation =
  | { kind: 'none' }
  /** The Secret has to say this. */
  | { kind: 'write'; credentials: RedisCredentials }
  /** Servers or clients have yet to follow. */
  | { kind: 'wait'; why: string };

export interface RotationView {
  /** The passwords that the pods are given. */
  stored: RedisCredentials;
  /** The password that is to be; undefined while the user's Secret is missing. */
  wanted: string | undefined;
  redis: TimedRedisObservation | undefined;
  /** Addresses of the app pods that are ready. */
  appIps: readonly string[];
}

/** Rotates a password so that nobody is ever refused: every server accepts the new one beside the old one, then clients
 *  use it, and once nobody uses the old one servers forget it. Each part is done when the servers say that it is. Pure. */
export function rotationOf(view: RotationView): Rotation {
  const { stored, wanted } = view;
  const { password, accepted } = stored;
  const [former, next] = accepted;
  if (next === undefined) {
    if (wanted === undefined || wanted === password) return forgotten(view);
    return { kind: 'write', credentials: { ...stored, accepted: [password, wanted] } };
  }
  // Half-way: first to the end, also when another one is wanted meanwhile.
  if (password === next) return retire(view, former ?? '');
  if (wanted !== undefined && wanted !== next)
    return {
      kind: 'write',
      credentials: { ...stored, accepted: wanted === password ? [password] : [password, wanted] },
    };
  const unseen = servers(view, ({ accepts }) => accepts.includes(digestOf(next)));
  if (unseen) return { kind: 'wait', why: `${unseen} does not accept the new password yet` };
  return { kind: 'write', credentials: { ...stored, password: next, generation: stored.generation + 1 } };
}

/** Everybody was given the new password: has everybody taken it? */
function retire(view: RotationView, former: string): Rotation {
  const { stored, redis, appIps } = view;
  const { password, generation } = stored;
  const unseen = servers(view, ({ uses }) => uses === digestOf(password));
  if (unseen) return { kind: 'wait', why: `${unseen} does not use the new password yet` };
  const readings = [...(redis?.observation.nodes ?? []), ...(redis?.observation.sentinels ?? [])].map(
    (server) => (server.reachable ? server.clients : undefined),
  );
  if (readings.some((reading) => reading === undefined))
    return { kind: 'wait', why: 'the connections of the app have not been looked at yet' };
  const late = clientBehind(readings as ClientReading[], generation, appIps);
  if (late) return { kind: 'wait', why: `the app pod at ${late} does not use the new password yet` };
  return {
    kind: 'write',
    credentials: { ...stored, accepted: stored.accepted.filter((one) => one !== former) },
  };
}

/** The address of an app pod that still uses another password, or of which nothing is known. */
function clientBehind(
  readings: readonly ClientReading[],
  generation: number,
  appIps: readonly string[],
): string | undefined {
  const connections = readings.flatMap(({ generations }) => generations);
  const behind = connections.find((each) => each.generation !== generation);
  return behind?.ip ?? appIps.find((ip) => !connections.some((each) => each.ip === ip));
}

/** At rest; but servers may still accept what the Secret no longer holds. */
function forgotten(view: RotationView): Rotation {
  const { redis, stored } = view;
  if (!redis || redis.stale) return { kind: 'none' };
  const wanted = stored.accepted.map(digestOf);
  const more = [...redis.observation.nodes, ...redis.observation.sentinels].find(
    (server) =>
      server.reachable &&
      server.credentials.accepts.includes(digestOf(stored.password)) &&
      server.credentials.accepts.some((digest) => !wanted.includes(digest)),
  );
  return more ? { kind: 'wait', why: `${more.pod} still accepts a former password` } : { kind: 'none' };
}

/** The first server of which `holds` is not known to be true. */
function servers(
  { redis }: RotationView,
  holds: (credentials: { accepts: readonly string[]; uses: string }) => boolean,
): string | undefined {
  if (!redis || redis.stale) return 'Redis';
  const { nodes, sentinels, expected } = redis.observation;
  if (nodes.length < expected) return 'a Redis pod that is missing';
  return [...nodes, ...sentinels].find((server) => !server.reachable || !holds(server.credentials))?.pod;
}
