import { amount, covers } from '../../../operator/src/covers.ts';
import { mergeOver } from '../../../operator/src/desired/merge.ts';
import { withoutReplicas } from '../../../operator/src/ownership.ts';

describe('covers', () => {
  test.each<[what: string, stored: unknown, wanted: unknown]>([
    ['a field that only the store has', { a: 1, b: 2 }, { a: 1 }],
    ['a quantity in other words', { requests: { cpu: '500m' } }, { requests: { cpu: '0.5' } }],
    ['a number for a quantity', { limits: { cpu: '2' } }, { limits: { cpu: 2 } }],
    ['an empty thing that the store leaves out', {}, { env: [], labels: {}, holderIdentity: '' }],
    [
      'items of others in a list that merges by key',
      { containers: [{ name: 'x' }, { name: 'a', image: 'i' }] },
      { containers: [{ name: 'a', image: 'i' }] },
    ],
    ['a field that is not wanted', { a: 1 }, { a: undefined }],
  ])('%s is covered', (_what, stored, wanted) => {
    expect(covers(stored, wanted)).toBe(true);
  });
  test.each<[what: string, stored: unknown, wanted: unknown]>([
    ['another value', { a: 1 }, { a: 2 }],
    ['a missing field', {}, { a: 1 }],
    ['one rule more', { ingress: [{ a: 1 }, {}] }, { ingress: [{ a: 1 }] }],
    ['rules in another order', { args: ['a', 'b'] }, { args: ['b', 'a'] }],
    ['another quantity', { requests: { cpu: '600m' } }, { requests: { cpu: '0.5' } }],
    ['what looks like a quantity and is none', { value: '1000m' }, { value: '1' }],
    ['a changed item', { env: [{ name: 'A', value: '1' }] }, { env: [{ name: 'A', value: '2' }] }],
    ['a list for an object', { a: [] }, { a: { b: 1 } }],
  ])('%s is not covered', (_what, stored, wanted) => {
    expect(covers(stored, wanted)).toBe(false);
  });
  test.each<[unknown, number | undefined]>([
    ['1Gi', 2 ** 30],
    ['1024Mi', 2 ** 30],
    ['100m', 0.1],
    ['1e3', 1000],
    [5, 5],
    ['many', undefined],
    [undefined, undefined],
  ])('the amount of %s is %s', (text, expected) => {
    expect(amount(text)).toBe(expected);
  });
});

describe('mergeOver', () => {
  test('lays one object on another and changes neither', () => {
    const under = { a: { b: 1, c: 2 }, list: [1] };
    const over = { a: { c: 3 }, list: [2] };
    expect(mergeOver(under, over)).toEqual({ a: { b: 1, c: 3 }, list: [2] });
    expect(under).toEqual({ a: { b: 1, c: 2 }, list: [1] });
  });
  test('merges lists of named things by name, keeping the order of what was there', () => {
    const under = { containers: [{ name: 'a', image: 'x', tty: true }, { name: 'b' }] };
    const over = { containers: [{ name: 'c' }, { name: 'a', image: 'y' }] };
    expect(mergeOver(under, over)).toEqual({
      containers: [{ name: 'a', image: 'y', tty: true }, { name: 'b' }, { name: 'c' }],
    });
  });
});

describe('giving up replicas', () => {
  const entry = (manager: string, operation: string, spec: object) => ({
    manager,
    operation,
    fieldsV1: { 'f:metadata': {}, 'f:spec': spec },
  });
  test('takes only that field out of only our apply', () => {
    const other = entry('kubectl', 'Update', { 'f:replicas': {} });
    const ours = entry('hyperpage-operator', 'Apply', { 'f:replicas': {}, 'f:template': {} });
    expect(withoutReplicas([other, ours])).toEqual([
      other,
      entry('hyperpage-operator', 'Apply', { 'f:template': {} }),
    ]);
  });
  test('is not needed where we have no claim', () => {
    expect(withoutReplicas([entry('hyperpage-operator', 'Apply', { 'f:template': {} })])).toBeUndefined();
  });
});
