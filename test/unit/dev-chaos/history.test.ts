import { countOf, History, hasBit, joined } from '../../../dev/chaos/history.ts';

/** A string with these bits set, as SETBIT does it. */
const bitsOf = (...numbers: number[]): Uint8Array => {
  const bits = new Uint8Array(Math.ceil((Math.max(0, ...numbers) + 1) / 8));
  for (const n of numbers) bits[n >> 3] = (bits[n >> 3] ?? 0) | (0x80 >> (n & 7));
  return bits;
};
const upTo = (n: number) => Array.from({ length: n + 1 }, (_, i) => i);
const range = (from: number, to: number) => ({ from, to, fromMs: 1_000 + from, toMs: 1_000 + to });
const check = (history: History, writer: string, bits: Uint8Array) =>
  history.check(writer, bits, history.mark(writer));

test('bits are numbered as Redis numbers them', () => {
  expect(hasBit(new Uint8Array([0x80]), 0)).toBe(true);
  expect(hasBit(new Uint8Array([0x01]), 7)).toBe(true);
  expect(hasBit(new Uint8Array([0x01]), 6)).toBe(false);
  expect(hasBit(new Uint8Array([0xff]), 8)).toBe(false);
});

test('nothing is lost when every acknowledged operation is there, whatever else is', () => {
  const history = new History();
  history.add('a', [range(0, 3), range(7, 9)]);
  expect(check(history, 'a', bitsOf(...upTo(20)))).toEqual([]);
  expect(history.acknowledged).toBe(7);
});

test('an operation that was not acknowledged may be missing', () => {
  const history = new History();
  history.add('a', [range(0, 3), range(7, 9)]);
  expect(check(history, 'a', bitsOf(0, 1, 2, 3, 7, 8, 9))).toEqual([]);
});

test('an acknowledged operation that is missing is lost, with its writer, number and time', () => {
  const history = new History();
  history.add('a', [range(0, 9)]);
  expect(check(history, 'a', bitsOf(0, 1, 2, 3, 6, 7, 9))).toEqual([
    { writer: 'a', from: 4, to: 5, fromMs: 1_000, toMs: 1_009 },
    { writer: 'a', from: 8, to: 8, fromMs: 1_000, toMs: 1_009 },
  ]);
  expect(countOf(history.lost())).toBe(3);
});

test('a string that is gone loses everything', () => {
  const history = new History();
  history.add('a', [range(0, 9)]);
  expect(countOf(check(history, 'a', new Uint8Array()))).toBe(10);
});

test('what is acknowledged while the string is read is not missed in it', () => {
  const history = new History();
  history.add('a', [range(0, 3)]);
  const mark = history.mark('a');
  history.add('a', [range(4, 9)]);
  expect(history.check('a', bitsOf(...upTo(3)), mark)).toEqual([]);
});

test('a loss is told once, and stays counted', () => {
  const history = new History();
  history.add('a', [range(0, 9)]);
  expect(check(history, 'a', bitsOf(...upTo(8)))).toHaveLength(1);
  expect(check(history, 'a', bitsOf(...upTo(8)))).toEqual([]);
  expect(countOf(history.lost())).toBe(1);
});

test("one writer's operations are not found in another's string", () => {
  const history = new History();
  history.add('a', [range(0, 1)]);
  history.add('b', [range(0, 1)]);
  expect(check(history, 'a', bitsOf(0, 1))).toEqual([]);
  expect(countOf(check(history, 'b', new Uint8Array()))).toBe(2);
});

test('losses that follow each other are told as one', () => {
  const lost = (writer: string, from: number, to: number) => ({ writer, ...range(from, to) });
  expect(joined([lost('a', 0, 3), lost('a', 4, 9), lost('a', 11, 12), lost('b', 13, 14)])).toEqual([
    lost('a', 0, 9),
    lost('a', 11, 12),
    lost('b', 13, 14),
  ]);
});
