/** Waits until `check` gives something true, and gives it. @throws Error naming `what` after `withinMs`, which is only a
 *  guard against a hang. */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  { withinMs = 60_000, everyMs = 20 } = {},
): Promise<T> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > untilMs)
      throw new Error(`it never came about within ${withinMs} ms that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
