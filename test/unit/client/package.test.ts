import { readFileSync } from 'node:fs';
import { PRODUCT_VERSION } from '@hyperpage/contract';

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../client/${name}`, import.meta.url), 'utf8')) as {
    name: string;
    version: string;
    exports: Record<string, unknown>;
    bin: Record<string, string>;
    dependencies?: object;
  };

test('the SDK is published with the subpaths and the version it has here, and without dependencies', () => {
  const [here, published] = [read('package.json'), read('package.dist.json')];
  expect(published).toMatchObject({ name: here.name, version: here.version });
  expect(here.version).toBe(PRODUCT_VERSION);
  expect(Object.keys(published.exports)).toEqual([...Object.keys(here.exports), './package.json']);
  const built = Object.entries(here.bin).map(([name, path]) => [
    name,
    path.replace('src/', './').replace(/ts$/, 'js'),
  ]);
  expect(Object.entries(published.bin)).toEqual(built);
  expect(published.dependencies).toBeUndefined();
});
