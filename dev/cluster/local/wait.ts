import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again until the answer is true.
 *  @throws Error naming `what`, after `timeoutMs`; and whatever `check` throws. */
export async function until(
  what: string,
  check: () => Promise<boolean>,
  { timeoutMs = 120_000, everyMs = 50 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > deadlineMs) throw new Error(`still waiting after ${timeoutMs / 1000} s: ${what}`);
    await delay(everyMs);
  }
}
