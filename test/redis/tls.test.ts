import { createLogger, SettingsError } from '@hyperpage/runtime';
import { type Adapters, redisAdapters } from '../../sidecar/src/adapters.ts';
import { contextOf } from '../support/adapter-world.ts';
import { type Authority, type Certificate, startAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { type MountedSecret, mountSecret } from '../support/mounted-secret.ts';
import { startSentinels } from '../support/redis-sentinels.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { fresh, freshId } from '../support/session-store-suite.ts';

const NAME = 'demo-redis.shop.svc';

let authority: Authority;
let stranger: Authority;
let mounted: MountedSecret;
beforeAll(async () => {
  [authority, stranger] = await Promise.all([startAuthority(), startAuthority()]);
});
beforeEach(async () => {
  mounted = await mountSecret({ 'ca.crt': authority.ca });
});
afterEach(() => mounted.remove());
afterAll(() => Promise.all([authority.remove(), stranger.remove()]));

const written = (adapters: Adapters) =>
  eventually(
    'a session is written',
    async () => (await adapters.sessions.create(freshId(), fresh())).kind === 'ok',
    { withinMs: 40_000 },
  );

function open(settings: Record<string, string>) {
  const lines: string[] = [];
  const log = createLogger({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  return { adapters: redisAdapters({ ...contextOf('pod-a', settings), log }), lines };
}

describe('an encrypted Redis by URL', () => {
  let server: RedisServer;
  let certificate: Certificate;
  beforeEach(async () => {
    certificate = await authority.issue(NAME);
    server = await startRedis({ tls: certificate });
  });
  afterEach(() => server.stop());

  const settings = (more: Record<string, string> = {}) => ({
    REDIS_URL: server.url,
    HYPERPAGE_REDIS_CA_FILE: mounted.path('ca.crt'),
    HYPERPAGE_REDIS_TLS_SERVER_NAME: NAME,
    ...more,
  });

  test('its name is verified although the connection goes to an address', async () => {
    const { adapters } = open(settings());
    try {
      await written(adapters);
      expect(await adapters.sessions.create(freshId(), fresh())).toMatchObject({ consistency: 'redis' });
    } finally {
      await adapters.close();
    }
  });

  test.each([
    { what: 'another name', more: { HYPERPAGE_REDIS_TLS_SERVER_NAME: 'other.shop.svc' }, says: /altnames/ },
    {
      what: 'no name, so that its address counts',
      more: { HYPERPAGE_REDIS_TLS_SERVER_NAME: '' },
      says: /altnames/,
    },
    { what: 'authorities of Node.js alone', more: { HYPERPAGE_REDIS_CA_FILE: '' }, says: /certificate/ },
  ])('a server that proves nothing is not talked to: $what', async ({ more, says }) => {
    const { adapters, lines } = open(settings(more));
    try {
      const line = await eventually('it is said', () => lines.find((one) => one.includes('not connected')));
      expect(line).toMatch(says);
      expect(await adapters.sessions.create(freshId(), fresh())).toMatchObject({ kind: 'unavailable' });
      expect(adapters.everConnected()).toBe(false);
    } finally {
      await adapters.close();
    }
  });

  test("a stranger's authority is not trusted", async () => {
    await mounted.change({ 'ca.crt': stranger.ca });
    const { adapters, lines } = open(settings());
    try {
      await eventually('it is said', () =>
        lines.some((one) => /not connected.*certificate|certificate.*not connected/.test(one)),
      );
      expect(adapters.everConnected()).toBe(false);
    } finally {
      await adapters.close();
    }
  });

  test('a certificate that the server loads while connections are open breaks none, and a new authority needs no restart', async () => {
    const { adapters } = open(settings());
    try {
      await written(adapters);
      const load = () => server.client.config('SET', 'tls-cert-file', certificate.certFile);
      const reconnect = () => server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await authority.issue(NAME, certificate);
      await load();
      expect(await adapters.sessions.create(freshId(), fresh())).toMatchObject({ kind: 'ok' });
      await reconnect();
      await written(adapters);

      await mounted.change({ 'ca.crt': authority.ca + stranger.ca });
      await stranger.issue(NAME, certificate);
      await load();
      await reconnect();
      await written(adapters);
      await mounted.change({ 'ca.crt': stranger.ca });
      await reconnect();
      await written(adapters);
    } finally {
      await adapters.close();
    }
  });

  test('a file of authorities that is missing or empty is a problem at the start, with its variable and what to do', async () => {
    await mounted.change({ 'ca.crt': 'nothing' });
    for (const file of [mounted.path('ca.crt'), mounted.path('missing.crt')]) {
      const opening = () => open(settings({ HYPERPAGE_REDIS_CA_FILE: file }));
      expect(opening).toThrow(SettingsError);
      expect(opening).toThrow(/HYPERPAGE_REDIS_CA_FILE is ".*\.crt", which cannot be used .*: mount ca\.crt/);
    }
  });
});

describe('an encrypted Redis with Sentinel', () => {
  const sentinelSettings = (redis: { endpoints: string; masterName: string }, passwordFile: string) => ({
    HYPERPAGE_REDIS_SENTINELS: redis.endpoints,
    HYPERPAGE_REDIS_MASTER_NAME: redis.masterName,
    HYPERPAGE_REDIS_PASSWORD_FILE: passwordFile,
    HYPERPAGE_REDIS_CA_FILE: mounted.path('ca.crt'),
    HYPERPAGE_SESSION_REPLICAS: '1',
  });

  test('sentinels and the primary are verified, watched and followed to the next primary', async () => {
    const certificate = await authority.issue(NAME);
    const redis = await startSentinels({ tls: certificate });
    const secret = await mountSecret({ password: redis.password });
    const settings = sentinelSettings(redis, secret.path('password'));
    const { adapters, lines } = open({ ...settings, HYPERPAGE_REDIS_TLS_SERVER_NAME: NAME });
    const wrong = open({ ...settings, HYPERPAGE_REDIS_TLS_SERVER_NAME: 'other.shop.svc' });
    try {
      await written(adapters);
      for (const sentinel of redis.sentinels) {
        await eventually('it is watched', async () =>
          String(await sentinel.client.client('LIST')).includes('name=hyperpage-failovers '),
        );
      }
      expect(wrong.lines.join('')).toMatch(/not connected/);
      expect(wrong.lines.join('')).toMatch(/altnames/);
      expect(wrong.adapters.everConnected()).toBe(false);
      await wrong.adapters.close();
      await (await redis.primary()).kill('SIGSTOP');
      await eventually(
        'it is announced',
        () => lines.some((line) => line.includes('another Redis is primary')),
        {
          withinMs: 40_000,
        },
      );
      await written(adapters);
    } finally {
      await Promise.all([adapters.close(), wrong.adapters.close()]);
      await redis.stop();
      await secret.remove();
    }
  });
});
