import { Ledger } from '../../../dev/chaos/sessions/ledger.ts';

/** A session in which two clients have written, client 0 up to 3 and client 1 up to 1. */
function written(): Ledger {
  const ledger = new Ledger();
  ledger.created('s');
  for (let n = 1; n <= 3; n++) ledger.acknowledged('s', 0, ledger.next('s', 0), 'redis');
  ledger.acknowledged('s', 1, ledger.next('s', 1), 'peer');
  return ledger;
}
const read = (ledger: Ledger, values?: Record<number, number>) =>
  ledger.missing(
    's',
    ledger.mark('s'),
    values && new Map(Object.entries(values).map(([client, n]) => [Number(client), n])),
  );

test('a read that has all that was acknowledged misses nothing, also when it has more', () => {
  expect(read(written(), { 0: 3, 1: 1 })).toEqual([]);
  expect(read(written(), { 0: 4, 1: 1 })).toEqual([]);
});

test('a field that holds less is lost, and so is one that another field took away', () => {
  expect(read(written(), { 0: 2, 1: 1 })).toEqual([{ kind: 'lost', what: 's field 0: 2, not 3' }]);
  expect(read(written(), { 0: 3 })).toEqual([{ kind: 'lost', what: 's field 1: 0, not 1' }]);
  expect(read(written())).toHaveLength(2);
});

test('what was acknowledged after the read began is not asked for, and neither what one pod alone held', () => {
  const ledger = written();
  const mark = ledger.mark('s');
  ledger.acknowledged('s', 0, ledger.next('s', 0), 'redis');
  expect(
    ledger.missing(
      's',
      mark,
      new Map([
        [0, 3],
        [1, 1],
      ]),
    ),
  ).toEqual([]);
  ledger.acknowledged('s', 0, ledger.next('s', 0), 'local');
  expect(read(ledger, { 0: 4, 1: 1 })).toEqual([]);
});

test('a session that was removed must not be read again; one that is being removed may be either', () => {
  const ledger = written();
  ledger.removing('s');
  expect([read(ledger), read(ledger, { 0: 3, 1: 1 })]).toEqual([[], []]);
  ledger.removed('s', 'redis');
  expect(read(ledger)).toEqual([]);
  expect(read(ledger, { 0: 3 })).toEqual([{ kind: 'resurrected', what: 's' }]);
});

test('a miss is told once', () => {
  const ledger = written();
  const misses = read(ledger, { 0: 3 });
  expect(ledger.fresh(misses)).toEqual(misses);
  expect(ledger.fresh(misses)).toEqual([]);
});

test('a session is merged when several clients were acknowledged in it', () => {
  const ledger = written();
  ledger.created('t');
  ledger.acknowledged('t', 0, ledger.next('t', 0), 'redis');
  expect(ledger.merged()).toBe(1);
});
