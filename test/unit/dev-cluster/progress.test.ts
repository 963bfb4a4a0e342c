import { createProgress, inWords } from '../../../dev/cluster/progress.ts';

function progressWith(times: number[]) {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  return {
    progress: createProgress({ write, colour: false, nowMs: () => times.shift() ?? 0 }),
    written: () => text,
  };
}

test('a step ends with one line that says how long it took, and gives what its work gave', async () => {
  const { progress, written } = progressWith([0, 100, 1_600]);

  expect(await progress.step('boil water', () => Promise.resolve('hot'))).toBe('hot');

  expect(written()).toBe('  ✓ boil water (1.5 s)\n');
});

test('a step that fails says so and passes the error on', async () => {
  const { progress, written } = progressWith([0, 0, 200]);

  await expect(progress.step('boil water', () => Promise.reject(new Error('no gas')))).rejects.toThrow(
    'no gas',
  );

  expect(written()).toBe('  ✗ boil water (0.2 s)\n');
});

test('times are told in the words of a person', () => {
  expect(inWords(40)).toBe('0.0 s');
  expect(inWords(12_340)).toBe('12.3 s');
  expect(inWords(61_000)).toBe('1 min 01 s');
  expect(inWords(568_000)).toBe('9 min 28 s');
});
