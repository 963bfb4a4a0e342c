import { bytesOf } from '../../../../sidecar/src/sessions/journal.ts';
import { LocalCopies } from '../../../../sidecar/src/sessions/local-copies.ts';
import type { StoredSession } from '../../../../sidecar/src/sessions/operation.ts';

const live = (text = ''): StoredSession => ({
  kind: 'live',
  leaves: new Map([['/userId', JSON.stringify(text)]]),
  version: 1,
  createdMs: 0,
  updatedMs: 0,
  activeMs: 0,
  expiresMs: 1000,
  ops: [],
});
const ids = (copies: LocalCopies) => copies.entries().map(([id]) => id);

describe('the copies of a pod', () => {
  test('are bounded by number: the oldest goes, but for one that was used since', () => {
    const copies = new LocalCopies({ sessions: 3, bytes: 1e6 });
    for (const id of ['a', 'b', 'c']) copies.set(id, live());
    copies.get('a');
    copies.set('d', live());
    expect(ids(copies).toSorted()).toEqual(['a', 'c', 'd']);
    // It had its second chance.
    for (const id of ['e', 'f', 'g']) copies.set(id, live());
    expect(ids(copies)).toEqual(['e', 'f', 'g']);
  });

  test('are bounded also when all of them are used all the time', () => {
    const copies = new LocalCopies({ sessions: 100, bytes: 1e6 });
    for (let n = 0; n < 1000; n++) {
      copies.set(`s${n}`, live());
      for (const id of ids(copies)) copies.get(id);
    }
    expect(copies.size).toBe(100);
    expect(copies.get('s999')).toBeDefined();
  });

  test('are bounded by bytes, which replacing, removing and expiring give back', () => {
    const big = live('x'.repeat(1000));
    const room = bytesOf('a', big) * 2;
    const copies = new LocalCopies({ sessions: 100, bytes: room });
    for (let n = 0; n < 10; n++) copies.set('a', big);
    copies.set('b', big);
    expect(ids(copies)).toEqual(['a', 'b']);
    copies.set('c', big);
    expect(ids(copies)).toEqual(['b', 'c']);
    copies.delete('b');
    expect(copies.sweep(1000)).toBe(1);
    copies.set('d', big);
    copies.set('e', big);
    expect(ids(copies)).toEqual(['d', 'e']);
    copies.set('f', live('x'.repeat(room)));
    expect(copies.get('f')).toBeUndefined();
  });
});
