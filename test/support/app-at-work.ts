import type { Adapters } from '../../sidecar/src/adapters.ts';
import type { record } from './bus-suite.ts';
import { eventually } from './eventually.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** An app at work: writes, reads and publishes without a pause, and keeps what went otherwise than it should. */
export function workOn(a: Adapters, b: Adapters, sessionId: string) {
  const wrong: unknown[] = [];
  const sent: number[] = [];
  const state = { stopped: false, turns: 0 };
  const wellOnRedis = (outcome: { kind: string; consistency?: string }) => {
    if (outcome.kind !== 'ok' || outcome.consistency !== 'redis') wrong.push(outcome);
  };
  const loop = async (step: (turn: number) => Promise<void>) => {
    for (let turn = 0; !state.stopped; turn++) {
      await step(turn);
      state.turns += 1;
      await pause(1);
    }
  };
  const running = [
    loop(async (turn) =>
      wellOnRedis(await a.sessions.update(sessionId, { preferences: { refreshInterval: turn } })),
    ),
    loop(async () => wellOnRedis(await b.sessions.read(sessionId))),
    loop(async (turn) => {
      const outcome = await a.bus.send({ type: 'broadcast', payload: turn });
      if (outcome.kind === 'sent') sent.push(turn);
      else wrong.push(outcome);
    }),
  ];
  return {
    wrong,
    sent,
    async progress() {
      const from = state.turns;
      await eventually('work goes on', () => state.turns > from + 30);
    },
    async stop() {
      state.stopped = true;
      await Promise.all(running);
    },
  };
}

/** `at` got all of `sent`, in order and without a gap. */
export const complete = async (at: ReturnType<typeof record>, sent: number[]) => {
  await eventually('the last message arrives', () => at.payloads().includes(sent.at(-1)));
  expect(at.payloads()).toEqual(sent);
  expect(at.gaps()).toEqual([]);
};
