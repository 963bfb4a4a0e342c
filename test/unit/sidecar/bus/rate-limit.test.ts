import { TokenBucket } from '../../../../sidecar/src/bus/rate-limit.ts';

describe('the rate limit', () => {
  test('allows a minute of messages at once, then as many as come back', () => {
    const bucket = new TokenBucket(60, 0);
    for (let n = 0; n < 60; n++) expect(bucket.take(0)).toBe(0);
    expect(bucket.take(0)).toBe(1000);
    expect(bucket.take(400)).toBe(600);
    expect(bucket.take(1000)).toBe(0);
    expect(bucket.take(1000)).toBe(1000);
  });

  test('who comes back when told so is let through', () => {
    for (const perMinute of [1, 7, 100, 500, 999_983]) {
      const bucket = new TokenBucket(perMinute, 0);
      while (bucket.take(0) === 0);
      const waitMs = bucket.take(0);
      expect(bucket.take(waitMs)).toBe(0);
    }
  });

  test('never allows more than the threshold and what came back since', () => {
    const bucket = new TokenBucket(100, 0);
    let taken = 0;
    for (let nowMs = 0; nowMs <= 60_000; nowMs += 7) {
      while (bucket.take(nowMs) === 0) taken += 1;
    }
    expect(taken).toBeLessThanOrEqual(200);
    expect(taken).toBeGreaterThanOrEqual(198);
  });

  test('a token that was not used is given back', () => {
    const bucket = new TokenBucket(1, 0);
    expect(bucket.take(0)).toBe(0);
    bucket.giveBack();
    expect(bucket.take(0)).toBe(0);
    expect(bucket.take(0)).toBeGreaterThan(0);
  });
});
