/** Does `round` again and again in the background. `stop` ends that, and rejects with what a round met. */
export function meanwhile(round: () => Promise<unknown>): { stop(): Promise<void> } {
  const state = { over: false };
  const turning = (async () => {
    while (!state.over) await round();
  })();
  // It is for `stop` to tell.
  turning.catch(() => {});
  return {
    stop: () => {
      state.over = true;
      return turning;
    },
  };
}
