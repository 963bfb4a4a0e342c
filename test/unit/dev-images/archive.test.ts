import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ImageOptions, packImage, packImages } from '../../../dev/images/archive.ts';
import { readTar, type TarMember } from './read-tar.ts';

let folder: string;
const cacheBefore = process.env['XDG_CACHE_HOME'];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hyperpage-archive-'));
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
});
afterEach(async () => {
  if (cacheBefore === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = cacheBefore;
  await rm(folder, { recursive: true });
});

const image = (files: ImageOptions['layers'][number]['files'], name = 'hyperpage/try:1'): ImageOptions => ({
  name,
  layers: [{ files }],
  config: { entrypoint: ['/bin/try'], user: '65532', exposedPorts: ['7070/tcp'] },
});
const out = (name = 'try.tar') => join(folder, name);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

interface Manifest {
  Config: string;
  RepoTags: string[];
  Layers: string[];
}

async function opened(file: string) {
  const members = readTar(await readFile(file));
  const bytes = (path: string) => members.find((member) => member.path === path)?.body ?? Buffer.alloc(0);
  const manifest = JSON.parse(bytes('manifest.json').toString()) as Manifest[];
  return { members, bytes, manifest };
}

async function layerMembers(file: string): Promise<Map<string, TarMember>> {
  const { bytes, manifest } = await opened(file);
  return new Map(readTar(bytes(manifest[0]?.Layers[0] ?? '')).map((member) => [member.path, member]));
}

describe('an archive', () => {
  test('names its image in full and its config and layers by their digests', async () => {
    await packImage({ ...image([{ path: '/bin/try', content: 'x' }]), out: out() });
    const { bytes, manifest } = await opened(out());
    const [entry] = manifest;
    expect(entry?.RepoTags).toEqual(['docker.io/hyperpage/try:1']);
    const config = bytes(entry?.Config ?? '');
    expect(entry?.Config).toBe(`${sha256(config)}.json`);
    const parsed = JSON.parse(config.toString()) as { config: unknown; rootfs: { diff_ids: string[] } };
    expect(parsed.rootfs.diff_ids).toEqual([`sha256:${sha256(bytes(entry?.Layers[0] ?? ''))}`]);
    expect(parsed.config).toMatchObject({
      Entrypoint: ['/bin/try'],
      User: '65532',
      ExposedPorts: { '7070/tcp': {} },
    });
  });

  test('is the same to the byte whatever the order of the files and the times of their sources', async () => {
    const source = join(folder, 'source');
    await writeFile(source, 'content');
    const files = [
      { path: '/b', from: source },
      { path: '/a/c', content: 'c' },
    ];
    await packImage({ ...image(files), out: out('one.tar') });
    await utimes(source, 1, 1);
    process.env['XDG_CACHE_HOME'] = join(folder, 'another-cache');
    await packImage({ ...image(files.toReversed()), out: out('two.tar') });
    expect(await readFile(out('two.tar'))).toEqual(await readFile(out('one.tar')));
  });

  test('holds a layer that several images share once', async () => {
    const shared = { files: [{ path: '/shared', content: 'the big one' }] };
    const images = ['one', 'two'].map((name) => ({
      name,
      layers: [shared, { files: [{ path: '/app', content: name }] }],
      config: {},
    }));
    await packImages(images, out());
    const { members, manifest } = await opened(out());
    expect(manifest.map(({ Layers }) => Layers[0])).toEqual(Array(2).fill(manifest[0]?.Layers[0]));
    expect(members.filter(({ path }) => path.endsWith('.tar'))).toHaveLength(3);
  });

  test('is left alone when it already holds the images, and written anew when a file changed', async () => {
    const source = join(folder, 'source');
    await writeFile(source, 'before');
    const options = { ...image([{ path: '/f', from: source }]), out: out() };
    expect(await packImage(options)).toMatchObject({ written: true });
    const { mtimeMs } = await stat(out());
    expect(await packImage(options)).toMatchObject({ written: false });
    expect((await stat(out())).mtimeMs).toBe(mtimeMs);
    await writeFile(source, 'after.');
    expect(await packImage(options)).toMatchObject({ written: true });
    expect((await layerMembers(out())).get('f')?.body.toString()).toBe('after.');
  });

  test('leaves nothing behind when packing fails', async () => {
    const options = { ...image([{ path: '/f', from: join(folder, 'absent') }]), out: out() };
    await expect(packImage(options)).rejects.toThrow('absent');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a layer', () => {
  test('gets the folders above its files, each before what is in it', async () => {
    await packImage({
      ...image([
        { path: '/a-b', content: '' },
        { path: '/a/b/c', content: '' },
      ]),
      out: out(),
    });
    const members = await layerMembers(out());
    expect([...members.keys()]).toEqual(['a/', 'a-b', 'a/b/', 'a/b/c']);
    expect(members.get('a/b/')).toMatchObject({ type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0 });
  });

  test('keeps modes, owners, links and folders as they were asked for', async () => {
    await packImage({
      ...image([
        { path: '/data', directory: true, mode: 0o1777, uid: 999, gid: 1000 },
        { path: '/data/secret', content: 's', mode: 0o600, uid: 999 },
        { path: '/bin/sh', link: 'busybox' },
      ]),
      out: out(),
    });
    const members = await layerMembers(out());
    expect(members.get('data/')).toMatchObject({ type: 'directory', mode: 0o1777, uid: 999, gid: 1000 });
    expect(members.get('data/secret')).toMatchObject({ type: 'file', mode: 0o600, uid: 999, gid: 0 });
    expect(members.get('bin/sh')).toMatchObject({ type: 'symlink', target: 'busybox' });
  });

  test('makes executable what is executable on this machine, and nothing else', async () => {
    await mkdir(join(folder, 'in'));
    await writeFile(join(folder, 'in/program'), '#!', { mode: 0o700 });
    await writeFile(join(folder, 'in/text'), 'text', { mode: 0o600 });
    const files = ['program', 'text'].map((name) => ({ path: `/${name}`, from: join(folder, 'in', name) }));
    await packImage({ ...image(files), out: out() });
    const members = await layerMembers(out());
    expect(members.get('program')?.mode).toBe(0o755);
    expect(members.get('text')?.mode).toBe(0o644);
  });

  test('takes paths longer than one header field, and refuses those that no header holds', async () => {
    const long = `${'d'.repeat(90)}/${'f'.repeat(90)}`;
    await packImage({ ...image([{ path: `/${long}`, content: 'x' }]), out: out() });
    expect((await layerMembers(out())).has(long)).toBe(true);
    const tooLong = image([{ path: `/${'x'.repeat(120)}`, content: 'x' }]);
    await expect(packImage({ ...tooLong, out: out() })).rejects.toThrow('shorten the path');
  });

  test.each([
    ['a file without a source', [{ path: '/a' }], 'needs exactly one of'],
    ['a file with two sources', [{ path: '/a', content: '', link: 'b' }], 'needs exactly one of'],
    ['a path that is not absolute', [{ path: 'a', content: '' }], 'no absolute path'],
    [
      'the same path twice',
      [
        { path: '/a', content: '' },
        { path: '/b/../a', content: '' },
      ],
      'twice in one layer',
    ],
    [
      'a file below a link',
      [
        { path: '/l', link: 'm' },
        { path: '/l/f', content: '' },
      ],
      'is no folder',
    ],
  ])('refuses %s', async (_what, files, message) => {
    await expect(packImage({ ...image(files), out: out() })).rejects.toThrow(message);
  });
});
