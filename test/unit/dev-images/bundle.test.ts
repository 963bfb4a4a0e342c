import { packageOf } from '../../../dev/images/bundle.ts';
import { libraryPaths } from '../../../dev/images/libraries.ts';

describe('the package of a bundled file', () => {
  test.each([
    ['node_modules/express/lib/express.js', 'express'],
    ['node_modules/@kubernetes/client-node/dist/index.js', '@kubernetes/client-node'],
    ['node_modules/a/node_modules/b/index.js', 'b'],
    ['../elsewhere/node_modules/c/index.js', 'c'],
    ['runtime/src/index.ts', '@hyperpage/runtime'],
    ['examples/app/src/main.ts', '@hyperpage/example-app'],
  ])('of %s is %s', (path, name) => {
    expect(packageOf(path)).toBe(name);
  });
});

describe('the libraries of a program', () => {
  test('are the paths that ldd found, and the loader', () => {
    const output = [
      '\tlinux-vdso.so.1 (0x00007f2b6b317000)',
      '\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f2b6b221000)',
      '\t/lib64/ld-linux-x86-64.so.2 (0x00007f2b6b319000)',
      '',
    ].join('\n');
    expect(libraryPaths(output, 'node')).toEqual([
      '/lib/x86_64-linux-gnu/libm.so.6',
      '/lib64/ld-linux-x86-64.so.2',
    ]);
  });

  test('are an error that names those which this machine lacks', () => {
    expect(() => libraryPaths('\tlibgone.so.1 => not found\n', 'node')).toThrow('node needs libgone.so.1');
  });
});
