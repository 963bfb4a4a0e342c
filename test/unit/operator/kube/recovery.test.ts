import { KubeError } from '@hyperpage/runtime';
import { NO_FAILURES, recover, StallError, type Streak } from '../../../../operator/src/kube/recovery.ts';

const rules = { backoff: { baseMs: 100, maxMs: 1000 }, random: () => 1 };
const refused = (status: number, retryAfterMs?: number) => new KubeError('refused', status, '', retryAfterMs);

describe('how a list and watch goes on', () => {
  test('after the first 410 it lists at once', () => {
    expect(recover(refused(410), NO_FAILURES, rules)).toMatchObject({
      end: 'expired',
      relist: true,
      waitMs: 0,
    });
  });

  test('after a 410 straight after a list it waits, as a loop of lists would hurt', () => {
    const { streak } = recover(refused(410), NO_FAILURES, rules);
    expect(recover(refused(410), streak, rules)).toMatchObject({ relist: true, waitMs: 200 });
  });

  test('after silence it goes on at once from where it was, however often', () => {
    const stalled = recover(new StallError(90_000), { failures: 9, refusals: 4 }, rules);
    expect(stalled).toEqual({ end: 'stalled', relist: false, waitMs: 0, streak: NO_FAILURES });
  });

  test('waits grow with failures in a row, up to their bound', () => {
    let streak: Streak = NO_FAILURES;
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      const recovery = recover(refused(0), streak, rules);
      waits.push(recovery.waitMs);
      streak = recovery.streak;
    }
    expect(waits).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  test('Retry-After is the least wait, whatever the status, up to five minutes', () => {
    expect(recover(refused(429, 7000), NO_FAILURES, rules)).toMatchObject({ end: 'throttled', waitMs: 7000 });
    expect(recover(refused(503, 2000), NO_FAILURES, rules)).toMatchObject({ end: 'failed', waitMs: 2000 });
    expect(recover(refused(429, 0), NO_FAILURES, rules).waitMs).toBe(100);
    expect(recover(refused(429, 86_400_000), NO_FAILURES, rules).waitMs).toBe(300_000);
  });

  test.each<[string, unknown, boolean]>([
    ['refusals', refused(500), true],
    ['lines that cannot be read', new SyntaxError('JSON'), true],
    ['failures without an answer', refused(0), false],
    ['throttled answers', refused(429), false],
  ])('of five %s in a row the last makes a list: %s', (_name, error, relists) => {
    let streak: Streak = NO_FAILURES;
    const lists: boolean[] = [];
    for (let i = 0; i < 6; i++) {
      const recovery = recover(error, streak, rules);
      lists.push(recovery.relist);
      streak = recovery.streak;
    }
    expect(lists).toEqual([false, false, false, false, relists, false]);
  });
});
