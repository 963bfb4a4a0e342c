/** The product spec's own commands (section 4, "Testing and Validation") on real pods, with what they must come to. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SessionAnswer, selectorLabels } from '@hyperpage/contract';
import { run } from '../../dev/command.ts';
import { type Forward, openForward } from '../../dev/chaos/forward.ts';
import { eventually } from '../support/eventually.ts';
import { enter, type Ground } from './support/ground.ts';
import { manifestOf } from './support/manifest.ts';

const NAME = 'spec';
const APP_PORT = 3000;
const WITHIN = { withinMs: 180_000, everyMs: 500 };

let ground: Ground;
let folder: string;
const ways: Forward[] = [];

const kubectl = (...args: string[]) => ground.kubectl(['-n', NAME, ...args], { timeoutMs: 190_000 });
const podsOf = async (component: 'app' | 'redis') => {
  const selector = Object.entries(selectorLabels(NAME, component))
    .map((pair) => pair.join('='))
    .join(',');
  const phase = '--field-selector=status.phase=Running';
  return (await kubectl('get', 'pods', '-l', selector, phase, '-o', 'name'))
    .trim()
    .split('\n')
    .filter(Boolean);
};
const isReady = async () => (await kubectl('get', 'hpc', NAME, '--no-headers')).split(/\s+/)[1] === 'True';

/** `http://hyperpage-service` of the spec: the app, in one of its pods. By the pod's address where this machine reaches it:
 *  each connection through `kubectl port-forward` takes a second to close. */
async function way(pod?: string): Promise<string> {
  const name = (pod ?? (await podsOf('app'))[0] ?? '').replace('pod/', '');
  const ip = (await kubectl('get', 'pod', name, '-o', 'jsonpath={.status.podIP}')).trim();
  const health = await fetch(`http://${ip}:${APP_PORT}/api/health`, {
    signal: AbortSignal.timeout(1000),
  }).catch(() => undefined);
  if (health?.ok) return `http://${ip}:${APP_PORT}/api/sessions`;
  const forward = await openForward({ kubectl: ground.kubectl, namespace: NAME, pod: name }, APP_PORT);
  ways.push(forward);
  return `http://127.0.0.1:${forward.port}/api/sessions`;
}
const session = async (url: string) => (await (await fetch(url)).json()) as SessionAnswer;
const theme = (url: string, sessionId: string, value: string) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sessionId, updates: { preferences: { theme: value } } }),
  });

beforeAll(async () => {
  ground = await enter([NAME]);
  folder = await mkdtemp(join(tmpdir(), 'hyperpage-spec-'));
  await ground.kubectl(['apply', '-f', '-'], {
    input: manifestOf({ name: NAME, appPods: 3, storage: '256Mi' }),
  });
  await eventually('it is Ready', isReady, WITHIN);
});
afterAll(async () => {
  for (const forward of ways) forward.close();
  await ground?.leave();
  await rm(folder, { recursive: true, force: true });
});

test('kubectl scale: a session stays the same through five pods and back to three', async () => {
  const { sessionId } = await session(await way());
  await theme(await way(), sessionId, 'dark');
  for (const replicas of [5, 3]) {
    await kubectl('scale', `hpc/${NAME}`, `--replicas=${replicas}`);
    await eventually(
      `${replicas} pods`,
      async () => (await podsOf('app')).length === replicas && (await isReady()),
      WITHIN,
    );
    for (const pod of await podsOf('app')) {
      const seen = await session(`${await way(pod)}?sessionId=${sessionId}`);
      expect([seen.sessionId, seen.session.preferences.theme]).toEqual([sessionId, 'dark']);
    }
  }
});

test('hey: ten thousand new sessions by a hundred clients, each answered with 200', async () => {
  const { output } = await run('hey', ['-n', '10000', '-c', '100', '-m', 'GET', '-t', '60', await way()]);
  expect(output).toMatch(/\[200\]\s+10000 responses/);
  expect(output).not.toMatch(/Error distribution/);
});

test('ab: a thousand updates of one session by ten clients, none failed, all counted', async () => {
  const url = await way();
  const { sessionId } = await session(url);
  const payload = join(folder, 'session_payload.json');
  await writeFile(payload, JSON.stringify({ sessionId, updates: { uiState: { dashboardLayout: 'wide' } } }));
  const { output } = await run('ab', [
    '-n',
    '1000',
    '-c',
    '10',
    '-T',
    'application/json',
    '-p',
    payload,
    url,
  ]);
  expect(output).toMatch(/Complete requests:\s+1000/);
  expect(output).not.toMatch(/Non-2xx responses/);
  const { version, session: stored } = await session(`${url}?sessionId=${sessionId}`);
  expect([version, stored.uiState.dashboardLayout]).toEqual([1001, 'wide']);
});

test('a deleted pod: another one says "became leader", and the session is there', async () => {
  const { sessionId } = await session(await way());
  const leader = (await kubectl('get', 'hpc', NAME, '-o', 'jsonpath={.status.leader.pod}')).trim();
  await kubectl('delete', 'pod', leader);
  const logs = async () => {
    const all = await Promise.all(
      (await podsOf('app')).map((pod) =>
        kubectl('logs', pod, '-c', 'sidecar', '--since=60s').catch(() => ''),
      ),
    );
    return all.join('\n');
  };
  await eventually('"became leader" in a log', async () => (await logs()).includes('became leader'), WITHIN);
  const [pod] = (await podsOf('app')).filter((name) => !name.endsWith(leader));
  expect((await session(`${await way(pod)}?sessionId=${sessionId}`)).sessionId).toBe(sessionId);
});

test('Redis scaled to 0 and back: "Redis not connected" is said, sessions go on, and all of it is synchronised', async () => {
  const url = await way();
  const { sessionId } = await session(url);
  // Otherwise the operator puts back what it sees changed.
  await kubectl('patch', 'hpc', NAME, '--type=merge', '-p', '{"spec":{"paused":true}}');
  await kubectl('scale', `statefulset/${NAME}-redis`, '--replicas=0');
  await eventually('no Redis', async () => (await podsOf('redis')).length === 0, WITHIN);
  const pods = await podsOf('app');
  for (const pod of pods)
    expect(await kubectl('logs', pod, '-c', 'sidecar', '--since=120s')).toContain('Redis not connected');
  const away = (await (await theme(url, sessionId, 'light')).json()) as SessionAnswer;
  expect([away.consistency, away.session.preferences.theme]).toEqual(['peer', 'light']);
  for (const pod of pods)
    expect((await session(`${await way(pod)}?sessionId=${sessionId}`)).session.preferences.theme).toBe(
      'light',
    );

  await kubectl('scale', `statefulset/${NAME}-redis`, '--replicas=3');
  await kubectl('patch', 'hpc', NAME, '--type=merge', '-p', '{"spec":{"paused":false}}');
  await sleep(1000);
  await eventually('it is Ready', isReady, WITHIN);
  for (const pod of pods) {
    const there = `${await way(pod)}?sessionId=${sessionId}`;
    await eventually('it is in Redis', async () => (await session(there)).consistency === 'redis', WITHIN);
    expect((await session(there)).session.preferences.theme).toBe('light');
    expect(await kubectl('logs', pod, '-c', 'sidecar')).toContain('Session Manager Redis connection');
  }
});
