import {
  type Hearing,
  hearingOf,
  type Voucher,
  vouchedUntilMs,
  voucherOf,
} from '../../../../sidecar/src/redis/vouchers.ts';

const PRIMARY = '10.0.0.1:6379';
const healthy = {
  ip: '10.0.0.1',
  port: '6379',
  flags: 'master',
  'last-ok-ping-reply': '1000',
  'down-after-milliseconds': '5000',
  'failover-timeout': '3000',
  'num-other-sentinels': '2',
  quorum: '2',
};
const voucher = (more: Partial<Voucher> = {}): Voucher => ({
  primary: PRIMARY,
  untilMs: 100,
  settled: true,
  sentinels: 3,
  quorum: 2,
  ...more,
});

const LONG_HEARD: Hearing = { primary: PRIMARY, sinceMs: -1e6, lastMs: 8_000 };

describe('since when a Sentinel hears the primary', () => {
  const down = { ...healthy, flags: 's_down,master' };
  test('is since the first answer that we know of', () => {
    expect(hearingOf(healthy, 10_000)).toEqual({ primary: PRIMARY, sinceMs: 9_000, lastMs: 9_000 });
  });
  test('does not begin anew while no silence was long enough to hold it for down', () => {
    const first = hearingOf(healthy, 10_000);
    expect(hearingOf(healthy, 13_000, first)).toEqual({ primary: PRIMARY, sinceMs: 9_000, lastMs: 12_000 });
    expect(hearingOf(healthy, 14_000, first).sinceMs).toBe(13_000);
  });
  test('begins anew when it held it for down, however short the silence looks', () => {
    const refused = hearingOf(down, 10_100, hearingOf(healthy, 10_000));
    expect(hearingOf(healthy, 10_200, refused).sinceMs).toBe(9_200);
  });
  test('does not matter when it is new: nobody held it for down before it was elected', () => {
    const former = hearingOf(down, 10_000);
    const next = hearingOf({ ...healthy, ip: '10.0.0.2' }, 11_000, former);
    expect(next.sinceMs).toBe(Number.NEGATIVE_INFINITY);
    expect(hearingOf({ ...healthy, ip: '10.0.0.2' }, 12_000, next).sinceMs).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('a Sentinel vouches', () => {
  test('and is settled once a failover that began before has come to an end', () => {
    const heard = (sinceMs: number) => ({ primary: PRIMARY, sinceMs, lastMs: 20_000 });
    expect(voucherOf(healthy, 21_000, heard(3_000))?.settled).toBe(true);
    expect(voucherOf(healthy, 21_000, heard(3_001))?.settled).toBe(false);
  });
  test('for less time than it takes it to hold the primary for down', () => {
    expect(voucherOf(healthy, 10_000, LONG_HEARD)).toEqual({
      primary: PRIMARY,
      untilMs: 13_000,
      settled: true,
      sentinels: 3,
      quorum: 2,
    });
  });
  test.each([
    ['it holds it for down', { flags: 's_down,master' }],
    ['it fails over', { flags: 'master,failover_in_progress' }],
    ['it has lost the connection', { flags: 'master,disconnected' }],
    ['it has not heard it for too long', { 'last-ok-ping-reply': '5000' }],
    ['it answers nonsense', { 'last-ok-ping-reply': undefined }],
  ])('for nobody while %s', (_what, more) => {
    expect(voucherOf({ ...healthy, ...more }, 10_000, LONG_HEARD)).toBeUndefined();
  });
});

describe('a primary is vouched for', () => {
  test('as long as the last of so many that the others cannot replace it', () => {
    const untils = [300, 200, 100].map((untilMs) => voucher({ untilMs }));
    expect(vouchedUntilMs(untils, PRIMARY)).toBe(200);
  });
  test('by a majority that has just heard it again only together with all others: one may be replacing it', () => {
    const fresh = voucher({ settled: false });
    expect(vouchedUntilMs([fresh, fresh, undefined], PRIMARY)).toBe(Number.NEGATIVE_INFINITY);
    expect(vouchedUntilMs([fresh, voucher(), undefined], PRIMARY)).toBe(Number.NEGATIVE_INFINITY);
    expect(vouchedUntilMs([fresh, fresh, voucher({ untilMs: 50 })], PRIMARY)).toBe(50);
  });
  test('not by a minority', () => {
    expect(vouchedUntilMs([voucher(), undefined, undefined], PRIMARY)).toBe(Number.NEGATIVE_INFINITY);
  });
  test('not by those that name another', () => {
    const other = voucher({ primary: '10.0.0.2:6379' });
    expect(vouchedUntilMs([voucher(), other, other], PRIMARY)).toBe(Number.NEGATIVE_INFINITY);
  });
  test('by more than a majority while fewer could replace it: Redis has just grown', () => {
    const five = (count: number) => Array.from({ length: count }, () => voucher({ sentinels: 5 }));
    expect(vouchedUntilMs(five(3), PRIMARY)).toBe(Number.NEGATIVE_INFINITY);
    expect(vouchedUntilMs(five(4), PRIMARY)).toBe(100);
  });
  test('by nobody when nobody answers', () => {
    expect(vouchedUntilMs([], PRIMARY)).toBe(Number.NEGATIVE_INFINITY);
  });
});
