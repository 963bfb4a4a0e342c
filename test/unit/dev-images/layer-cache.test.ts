import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildLayer, layerCacheFolder, pruneCache } from '../../../dev/images/layer.ts';

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'hyperpage-layers-'));
});
afterEach(() => rm(cache, { recursive: true }));

const layer = (content: string, mode = 0o644) => ({ files: [{ path: '/f', content, mode }] });

describe('the cache of layers', () => {
  test('gives a layer of the same content again without writing it', async () => {
    const first = await buildLayer(layer('x'), cache);
    const { ino } = await stat(first.file);
    expect(await buildLayer(layer('x'), cache)).toEqual(first);
    expect((await stat(first.file)).ino).toBe(ino);
  });

  test('tells layers apart by content and by mode', async () => {
    const built = [
      await buildLayer(layer('x'), cache),
      await buildLayer(layer('y'), cache),
      await buildLayer(layer('x', 0o600), cache),
    ];
    expect(new Set(built.map(({ diffId }) => diffId)).size).toBe(3);
    expect(new Set(built.map(({ file }) => file)).size).toBe(3);
  });

  test('writes a layer again whose digest was never written, as after a crash half-way', async () => {
    const first = await buildLayer(layer('x'), cache);
    const whole = await readFile(first.file);
    await rm(`${first.file}.diffid`);
    await writeFile(first.file, 'half of a la');
    expect(await buildLayer(layer('x'), cache)).toEqual(first);
    expect(await readFile(first.file)).toEqual(whole);
  });

  test('serves two builds of one layer at once and leaves no partial file', async () => {
    const [one, two] = await Promise.all([buildLayer(layer('x'), cache), buildLayer(layer('x'), cache)]);
    expect(one).toEqual(two);
    expect((await readdir(cache)).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  test('forgets what was not used for long, and keeps what was used since', async () => {
    const [used, unused] = [await buildLayer(layer('used'), cache), await buildLayer(layer('unused'), cache)];
    for (const name of await readdir(cache)) await utimes(join(cache, name), 1, 1);
    await buildLayer(layer('used'), cache);
    await pruneCache(cache, 60_000);
    const left = (await readdir(cache)).map((name) => join(cache, name));
    expect(left.sort()).toEqual([used.file, `${used.file}.diffid`]);
    expect(left).not.toContain(unused.file);
  });

  test('lies in the folder for caches that the user has set', () => {
    expect(layerCacheFolder({ XDG_CACHE_HOME: '/c' })).toBe('/c/hyperpage/layers');
    expect(layerCacheFolder({ XDG_CACHE_HOME: '' })).toMatch(/\/\.cache\/hyperpage\/layers$/);
  });
});
