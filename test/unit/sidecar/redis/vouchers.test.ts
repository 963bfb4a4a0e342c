import { type Voucher, vouchedUntilMs, voucherOf } from '../../../../sidecar/src/redis/vouchers.ts';

const PRIMARY = '10.0.0.1:6379';
const healthy = {
  ip: '10.0.0.1',
  port: '6379',
  flags: 'master',
  'last-ok-ping-reply': '1000',
  'down-after-milliseconds': '5000',
  'num-other-sentinels': '2',
  quorum: '2',
};
const voucher = (more: Partial<Voucher> = {}): Voucher => ({
  primary: PRIMARY,
  untilMs: 100,
  sentinels: 3,
  quorum: 2,
  ...more,
});

describe('a Sentinel vouches', () => {
  test('for less time than it takes it to hold the primary for down', () => {
    expect(voucherOf(healthy, 10_000)).toEqual({
      primary: PRIMARY,
      untilMs: 13_000,
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
    expect(voucherOf({ ...healthy, ...more }, 10_000)).toBeUndefined();
  });
});

describe('a primary is vouched for', () => {
  test('as long as the last of so many that the others cannot replace it', () => {
    const untils = [300, 200, 100].map((untilMs) => voucher({ untilMs }));
    expect(vouchedUntilMs(untils, PRIMARY)).toBe(200);
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
