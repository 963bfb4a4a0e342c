import type { Answer, Ask, ElectionPeers } from '@hyperpage/runtime';

/** How sidecars speak with each other about leadership. */
export interface SidecarElectionPeers extends ElectionPeers {
  /** From now on the others are answered by this. */
  answerWith(answer: (ask: Ask) => Answer): void;
}

/** A promise is renewed four times while it lasts, so that a lost request costs nothing. */
export const beatMsOf = (promiseMs: number): number => promiseMs / 4;
