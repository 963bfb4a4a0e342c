import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type CommandWorld, runMigration } from '../../../client/src/command/run.ts';
import { type Embedded, startEmbedded } from '../../../sidecar/src/embedded.ts';
import { MemoryWorld } from '../../../sidecar/src/memory-world.ts';
import { eventually } from '../../support/eventually.ts';
import { type FakeSidecar, json, type Received, startFakeSidecar } from './fake-sidecar.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperpage-migrate-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const fileOf = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** Runs the command in this process. */
async function command(args: string[], more: Partial<CommandWorld> & { input?: string } = {}) {
  const said = { out: '', err: '' };
  const status = await runMigration(args, {
    stdin: Readable.from([Buffer.from(more.input ?? '')]),
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
    isTerminal: false,
    nowMs: () => performance.now(),
    signal: new AbortController().signal,
    ...more,
  });
  return { status, ...said };
}

describe('hyperpage-migrate, on a real sidecar', () => {
  const world = new MemoryWorld();
  let embedded: Embedded;
  let url: string;
  beforeAll(async () => {
    embedded = await startEmbedded({ count: 1, basePort: 0, world });
    url = embedded.sidecars[0]?.url ?? '';
  });
  afterAll(() => embedded.stop());

  test('takes over a dump of localStorage, in which a session is text, and repeats it without harm', async () => {
    const dump = JSON.stringify({ d1: JSON.stringify({ userId: 'u' }), d2: {} }, null, 2);
    const file = fileOf('dump.json', dump);
    expect(await command(['--url', url, file])).toEqual({
      status: 0,
      out: '2 sessions: 2 created\n',
      err: '',
    });
    expect(await command(['--url', url, file])).toMatchObject({ out: '2 sessions: 2 there already\n' });
    expect(world.sessions.get('d1')).toMatchObject({ kind: 'live' });
  });

  test('takes NDJSON from standard input, and names the lines and sessions that are none', async () => {
    const input = [
      '{"sessionId":"n1","session":{}}',
      '',
      '{"sessionId":"n2","session":{"preferences":{"theme":"plaid"}}}\r',
      '{"sessionId":"n3","sess',
    ].join('\n');
    const { status, out, err } = await command(['--url', url], { input });
    expect([status, out]).toEqual([1, '3 sessions: 1 created, 2 invalid\n']);
    expect(err).toMatch(
      /^invalid "n2": \/session\/preferences\/theme must be one of light.*\n.*Line 4 is no/,
    );
  });

  test('writes nothing in a dry run', async () => {
    const file = fileOf('dump.json', '{"dry":{}}');
    const { status, out } = await command(['--url', url, '--dry-run', file]);
    expect([status, out]).toEqual([0, 'dry run, nothing was written: 1 session: 1 valid\n']);
    expect(world.sessions.has('dry')).toBe(false);
  });

  test('shows a bar on a terminal', async () => {
    const file = fileOf('dump.json', '{"t1":{},"t2":{}}');
    const { err } = await command(['--url', url, '--batch', '1', file], {
      isTerminal: true,
      nowMs: () => Date.now() * 1e6,
    });
    expect(err).toContain('[###############---------------] 1 session: 1 created');
    expect(err.endsWith('\r\u001b[K')).toBe(true);
  });
});

describe('hyperpage-migrate, called wrongly', () => {
  test.each([
    [['--batch', '0'], '--batch is "0"; it wants a whole number from 1 to 100'],
    [['--url', 'redis'], '--url is "redis"; it wants a URL'],
    [['--nope'], "Unknown option '--nope'"],
    [['a', 'b'], 'give one file, not 2'],
    [['--dry-run', '--resume', 'x'], 'leave out one of the two'],
    [['/does/not/exist'], 'cannot read /does/not/exist: ENOENT'],
  ])('%j', async (args, message) => {
    const { status, err } = await command(args);
    expect(status).toBe(2);
    expect(err).toMatch(/^hyperpage-migrate: /);
    expect(err).toContain(message);
  });

  test.each([
    ['', 'standard input is empty'],
    ['hello', 'standard input is not JSON'],
    ['[1]', 'standard input holds JSON, but no object'],
  ])('with %j', async (input, message) => {
    const { status, err } = await command(['--url', 'http://127.0.0.1:1'], { input });
    expect([status, err]).toEqual([2, expect.stringContaining(message)]);
  });

  test('with a file in place of a checkpoint', async () => {
    const resume = fileOf('dump.json', '{"a":{}}');
    const { status, err } = await command(['--resume', resume], { input: '{}' });
    expect([status, err]).toEqual([2, expect.stringContaining('is no checkpoint of hyperpage-migrate')]);
    expect(readFileSync(resume, 'utf8')).toBe('{"a":{}}');
  });

  test('or asked for help', async () => {
    const { status, out } = await command(['--help']);
    expect([status, out]).toEqual([0, expect.stringContaining('--resume FILE')]);
  });
});

describe('hyperpage-migrate, when something is wrong', () => {
  let fake: FakeSidecar;
  beforeEach(async () => {
    fake = await startFakeSidecar();
  });
  afterEach(() => fake.stop());
  const entries = ({ body }: Received) =>
    (JSON.parse(body) as { sessions: Array<{ sessionId: string }> }).sessions;
  const create: FakeSidecar['answer'] = (request, response) =>
    json(response, 200, {
      success: true,
      results: entries(request).map(({ sessionId }) => ({ sessionId, status: 'created' })),
    });

  test('says where it looked when there is no sidecar', async () => {
    await fake.stop();
    const { status, err } = await command(['--url', fake.url], { input: '{"a":{}}' });
    expect(status).toBe(1);
    expect(err).toMatch(/^hyperpage-migrate: cannot reach the sidecar at http:\/\/127.*is it running/);
  });

  test('goes on where it was killed', async () => {
    const ids = Array.from({ length: 20 }, (_, n) => `k${n}`);
    const dump = fileOf('dump.json', JSON.stringify(Object.fromEntries(ids.map((id) => [id, {}]))));
    const resume = join(folder, 'checkpoint.json');
    const args = ['--url', fake.url, '--batch', '2', '--resume', resume, dump];
    const position = () =>
      existsSync(resume)
        ? (JSON.parse(readFileSync(resume, 'utf8')) as { checkpoint: { position: number } }).checkpoint
            .position
        : 0;
    fake.answer = (request, response) => {
      if (fake.received.length <= 5) create(request, response);
    };
    const main = join(import.meta.dirname, '../../../client/src/command/main.ts');
    const child = spawn(process.execPath, [main, ...args], { stdio: 'ignore' });
    await eventually('a checkpoint is kept', () => fake.received.length > 5 && position() >= 6);
    child.kill('SIGKILL');
    await once(child, 'close');

    const done = position();
    fake.received.length = 0;
    fake.answer = create;
    const { status, out, err } = await command(args);
    expect([status, out]).toEqual([0, '20 sessions: 20 created\n']);
    expect(err).toContain(`going on after ${done} sessions`);
    expect(
      fake.received
        .flatMap(entries)
        .map(({ sessionId }) => sessionId)
        .toSorted(),
    ).toEqual(ids.slice(done).toSorted());
    expect(existsSync(resume)).toBe(false);
  });

  test('says how to go on when it is interrupted', async () => {
    const stop = new AbortController();
    fake.answer = () => stop.abort();
    const { status, err } = await command(['--url', fake.url], { input: '{"a":{}}', signal: stop.signal });
    expect([status, err]).toEqual([1, expect.stringContaining('interrupted\nRun it again')]);
  });
});
