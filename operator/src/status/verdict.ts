import { CONDITIONS, type ConditionStatus, type ConditionType, type ReasonOf } from '@hyperpage/contract';

/** What a condition says now, before its history (`lastTransitionTime`) is added. */
export interface Verdict {
  status: ConditionStatus;
  reason: string;
  /** A sentence for people: what is, and when it is not as it should be, what to do. */
  message: string;
}

/** The healthy verdict of a condition. */
export const healthy = (type: ConditionType, message: string): Verdict => {
  const [status, reason] = CONDITIONS[type].healthy;
  return { status, reason, message };
};

/** A verdict with one of the reasons that the contract declares for `type`. */
export const verdict = <T extends ConditionType>(
  _type: T,
  status: ConditionStatus,
  reason: ReasonOf<T>,
  message: string,
): Verdict => ({ status, reason, message });

/** Nobody has looked yet, or too long ago. */
export const notObserved = (message: string): Verdict => ({
  status: 'Unknown',
  reason: 'NotObserved',
  message,
});

/** Names for a message: the first few of them. */
export const few = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
