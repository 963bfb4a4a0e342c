import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordedResult, recordResult } from '../../../dev/images/build-record.ts';

let root: string;
let record: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hyperpage-record-'));
  record = join(root, 'record.json');
  for (const name of ['source', 'output']) await writeFile(join(root, name), name);
});
afterEach(() => rm(root, { recursive: true }));

const result = { bytes: 1 };
const build = (begunMs: number) => ({ root, begunMs, read: ['source'], wrote: ['output'], result });
const LATER_MS = Date.now() + 60_000;
const expectRecorded = async () => {
  await recordResult(record, build(LATER_MS));
  expect(await recordedResult(record, root)).toEqual(result);
};

describe('the record of a build', () => {
  test('gives the result as long as nothing changed', async () => {
    await expectRecorded();
  });

  test.each(['source', 'output'])('gives none when the %s changed or is gone', async (name) => {
    await expectRecorded();
    await utimes(join(root, name), 1, 1);
    expect(await recordedResult(record, root)).toBeUndefined();
    await rm(join(root, name));
    expect(await recordedResult(record, root)).toBeUndefined();
  });

  test('is not written when a source changed while the build ran', async () => {
    await recordResult(record, build(0));
    expect(await recordedResult(record, root)).toBeUndefined();
  });

  test('gives none when it was torn', async () => {
    await writeFile(record, '{"stamps":');
    expect(await recordedResult(record, root)).toBeUndefined();
  });
});
