import { spawnSync } from 'node:child_process';

const MAIN = new URL('../../../sidecar/src/main.ts', import.meta.url).pathname;

const run = (env: Record<string, string>) => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN], { env, encoding: 'utf8' });
  return { status, lines: stderr.trim().split('\n') };
};

describe('the sidecar as a process', () => {
  test('stops at start on garbage in its environment, with a line for each variable', () => {
    const env = { HYPERPAGE_PORT: 'eighty', SESSION_DEFAULT_TTL_SECONDS: '0', REDIS_URL: 'localhost' };
    expect(run(env)).toEqual({
      status: 1,
      lines: [
        'HYPERPAGE_PORT is "eighty"; it wants a whole number from 1 to 65535',
        'HYPERPAGE_POD_NAME is not set; it wants the name of this pod',
        'REDIS_URL is "localhost"; it wants redis://host:port or rediss://host:port',
        'SESSION_DEFAULT_TTL_SECONDS is "0"; it wants a whole number of seconds from 1 to 31536000',
      ],
    });
  });

  test('wants a Redis, and names the variables that would name it', () => {
    const { status, lines } = run({ HYPERPAGE_POD_NAME: 'demo-1' });
    expect(status).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/REDIS_URL.*HYPERPAGE_REDIS_SENTINELS/)]);
  });

  test('says so when it is to elect a leader outside a cluster', () => {
    const { status, lines } = run({ HYPERPAGE_POD_NAME: 'demo-1', REDIS_URL: 'redis://127.0.0.1:1' });
    expect(status).toBe(1);
    expect(lines).toEqual([expect.stringContaining('KUBERNETES_SERVICE_HOST')]);
  });
});
