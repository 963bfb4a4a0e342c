import { type BackoffOptions, backoffMs, KubeError } from '@hyperpage/runtime';

/** Why a watch ended: at the time it had asked for, too old (410), throttled (429), silent for too long, or any other
 *  failure. */
export type WatchEnd = 'timeout' | 'expired' | 'throttled' | 'stalled' | 'failed';

/** What went wrong in a row since the API server last gave us something. */
export interface Streak {
  failures: number;
  /** Failures that were answers, not silence: only they speak against the version we ask for. */
  refusals: number;
}

export const NO_FAILURES: Streak = { failures: 0, refusals: 0 };

export interface Recovery {
  end: WatchEnd;
  /** The version we have is of no use any more: list again. */
  relist: boolean;
  /** Time to wait first, in milliseconds. */
  waitMs: number;
  streak: Streak;
}

/** The watch was open and nothing came for too long. */
export class StallError extends Error {
  override readonly name = 'StallError';
  constructor(stallMs: number) {
    super(`the watch was silent for ${stallMs} ms`);
  }
}

/** Refusals in a row after which we stop insisting on the version we have: one that the API server cannot serve for a
 *  reason it does not call 410 (a restored etcd, an object it cannot decode) would otherwise keep us blind for ever. */
const REFUSALS_BEFORE_RELIST = 5;

/** However long a server asks us to wait, look again after this. */
const MOST_RETRY_AFTER_MS = 300_000;

/** Decides how a list and watch goes on after `error`; `streak` is what went wrong before it. Whatever the error: it
 *  goes on. */
export function recover(
  error: unknown,
  streak: Streak,
  { backoff, random }: { backoff: BackoffOptions; random: () => number },
): Recovery {
  // Silence says nothing of the server's health, and it took its time already.
  if (error instanceof StallError) return { end: 'stalled', relist: false, waitMs: 0, streak: NO_FAILURES };
  const end = endOf(error);
  const answered = !(error instanceof KubeError) || error.status !== 0;
  const refusals = streak.refusals + (end === 'failed' && answered ? 1 : 0);
  const asked = error instanceof KubeError ? Math.min(error.retryAfterMs ?? 0, MOST_RETRY_AFTER_MS) : 0;
  // The first 410 is news, not trouble. One straight after a list is trouble.
  const atOnce = end === 'expired' && streak.failures === 0;
  return {
    end,
    relist: end === 'expired' || refusals >= REFUSALS_BEFORE_RELIST,
    waitMs: atOnce ? 0 : Math.max(backoffMs(streak.failures, backoff, random), asked),
    streak: { failures: streak.failures + 1, refusals: refusals % REFUSALS_BEFORE_RELIST },
  };
}

const endOf = (error: unknown): WatchEnd => {
  if (!(error instanceof KubeError)) return 'failed';
  if (error.status === 410) return 'expired';
  return error.status === 429 ? 'throttled' : 'failed';
};
