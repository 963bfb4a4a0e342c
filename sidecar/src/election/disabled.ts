import type { LeaderElection } from './port.ts';

/** Election switched off: nobody leads, and that is known. */
export const disabledElection = (): LeaderElection => ({
  view: () => ({ leader: null, term: 0, isLeader: false, validForMs: 0 }),
  on: () => () => {},
  stepDown: () => false,
  start: () => {},
  ready: () => true,
  stop: async () => {},
});
