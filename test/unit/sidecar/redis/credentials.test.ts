import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createLogger, SettingsError } from '@hyperpage/runtime';
import {
  connectionName,
  readCredentials,
  watchCredentials,
} from '../../../../sidecar/src/redis/credentials.ts';
import { mountSecret } from '../../../support/mounted-secret.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hyperpage-credentials-'));
  file = join(folder, 'password');
  await writeFile(file, 'first-secret\n');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Swaps the folder without a pause, as kubelet does, until it is told to end. */
const SWAPPING = `
  const { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
  const { join } = require('node:path');
  const { workerData: { folder, turns } } = require('node:worker_threads');
  for (let turn = 0; Atomics.load(turns, 1) === 0; turn++) {
    mkdirSync(join(folder, '..' + turn));
    writeFileSync(join(folder, '..' + turn, 'password'), 'secret-' + turn);
    writeFileSync(join(folder, '..' + turn, 'generation'), String(turn));
    symlinkSync('..' + turn, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    rmSync(join(folder, '..' + (turn - 1)), { recursive: true, force: true });
    Atomics.store(turns, 0, turn);
    Atomics.wait(turns, 1, 0, 1);
  }
`;

describe('the files of the credentials', () => {
  test('the generation is the neighbour of the password, and may be missing', async () => {
    expect(readCredentials(file)).toEqual({ password: 'first-secret', generation: undefined });
    await writeFile(join(folder, 'generation'), '12\n');
    expect(readCredentials(file)).toEqual({ password: 'first-secret', generation: 12 });
    await writeFile(join(folder, 'generation'), 'twelve');
    expect(readCredentials(file).generation).toBeUndefined();
  });

  test('while the folder is swapped, a password is never read with the generation of another', async () => {
    const secret = await mountSecret({ password: 'secret-0', generation: '0' });
    const turns = new Int32Array(new SharedArrayBuffer(8));
    const worker = new Worker(SWAPPING, { eval: true, workerData: { folder: secret.folder, turns } });
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    try {
      const seen = new Set<number | undefined>();
      while (Atomics.load(turns, 0) < 300) {
        const { password, generation } = readCredentials(secret.path('password'));
        expect(password).toBe(`secret-${generation}`);
        seen.add(generation);
      }
      expect(seen.size).toBeGreaterThan(10);
    } finally {
      Atomics.store(turns, 1, 1);
      Atomics.notify(turns, 1);
      await ended;
      await secret.remove();
    }
  });

  test('a connection is named by its role and the generation, where somebody counts', () => {
    expect(connectionName('hyperpage-writes', { password: 'x', generation: 7 })).toBe('hyperpage-writes@7');
    expect(connectionName('hyperpage-writes', { password: 'x', generation: 0 })).toBe('hyperpage-writes@0');
    expect(connectionName('hyperpage-writes', { password: 'x', generation: undefined })).toBe(
      'hyperpage-writes',
    );
  });
});

describe('a watch over the credentials', () => {
  function watch(passwordFile: string | undefined = file) {
    const clock = new VirtualClock();
    const lines: string[] = [];
    const log = createLogger({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const credentials = watchCredentials(passwordFile, { clock, log });
    const changes: unknown[] = [];
    credentials.onChange(() => changes.push(credentials.current().password));
    return { clock, credentials, changes, lines };
  }

  test('a change is told within a second, once; the same content is no change', async () => {
    const { clock, credentials, changes } = watch();
    const first = credentials.current();
    await writeFile(file, 'first-secret');
    await clock.advance(3000);
    expect(credentials.current()).toBe(first);
    await writeFile(file, 'second-secret');
    await clock.advance(1000);
    await clock.advance(3000);
    expect(changes).toEqual(['second-secret']);
    await writeFile(join(folder, 'generation'), '2');
    await clock.advance(1000);
    expect(credentials.current()).toEqual({ password: 'second-secret', generation: 2 });
    expect(changes).toHaveLength(2);
    credentials.close();
    await writeFile(file, 'third-secret');
    await clock.advance(3000);
    expect(changes).toHaveLength(2);
  });

  test('who is about to connect gets what the file says now', async () => {
    const { credentials, changes } = watch();
    await writeFile(file, 'second-secret');
    expect(credentials.current().password).toBe('first-secret');
    expect(credentials.reread().password).toBe('second-secret');
    expect(changes).toEqual(['second-secret']);
  });

  test('a file that is empty or gone for a while changes nothing, and is told of once', async () => {
    const { clock, credentials, changes, lines } = watch();
    await writeFile(file, '');
    await clock.advance(2000);
    await rm(file);
    await clock.advance(5000);
    expect(credentials.current().password).toBe('first-secret');
    expect(changes).toEqual([]);
    expect(lines.filter((line) => line.includes('not readable'))).toHaveLength(1);
    await writeFile(file, 'second-secret');
    await clock.advance(1000);
    expect(changes).toEqual(['second-secret']);
  });

  test('a refusal is told once for each change, and no line holds a password', async () => {
    const { credentials, lines } = watch();
    const refusals = () => lines.filter((line) => line.includes('does not accept'));
    for (let n = 0; n < 3; n++) credentials.refused(credentials.current(), 'WRONGPASS');
    expect(refusals()).toHaveLength(1);
    await writeFile(file, 'second-secret');
    for (let n = 0; n < 3; n++) credentials.refused(credentials.reread(), 'WRONGPASS');
    expect(refusals()).toHaveLength(2);
    expect(lines.join('')).not.toMatch(/-secret/);
  });

  test('without a file there are none, and a file that cannot be read at the start is a problem of the settings', async () => {
    expect(watchCredentials(undefined, watchOptions()).reread()).toEqual({});
    const missing = () => watchCredentials(join(folder, 'missing'), watchOptions());
    expect(missing).toThrow(SettingsError);
    expect(missing).toThrow(/HYPERPAGE_REDIS_PASSWORD_FILE is ".*missing", which cannot be read \(ENOENT\)/);
  });

  const watchOptions = () => ({ clock: new VirtualClock(), log: createLogger({ level: 'error' }) });
});
