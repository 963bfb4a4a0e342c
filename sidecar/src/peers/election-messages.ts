import type { Answer, Ask, Lease } from '@hyperpage/runtime';

/** Questions about leadership, and answers, as they cross the network: JSON. */

/** @throws Error when it is none: the other one may be of another version. */
export function decodeAsk(text: string): Ask {
  const ask = JSON.parse(text) as Record<string, unknown>;
  if (ask['do'] === 'tell') return { do: 'tell', lease: leaseOf(ask['lease']) };
  const candidate = textOf(ask['candidate']);
  const term = countOf(ask['term']);
  const lease = ask['lease'] === undefined ? {} : { lease: leaseOf(ask['lease']) };
  switch (ask['do']) {
    case 'probe':
      return { do: 'probe', candidate, term };
    case 'promise':
      return {
        do: 'promise',
        candidate,
        term,
        forMs: Math.min(countOf(ask['forMs']), MOST_PROMISED_MS),
        ...lease,
      };
    case 'withdraw':
      return { do: 'withdraw', candidate, term, ...lease };
    default:
      throw new Error(`a question to ${String(ask['do'])} is not known here`);
  }
}

const MOST_PROMISED_MS = 60_000;

/** @throws Error when it is none. */
export function decodeAnswer(text: string): Answer {
  const { id, node, leaving, granted, term } = JSON.parse(text) as Record<string, unknown>;
  return {
    id: textOf(id),
    node: textOf(node),
    leaving: leaving === true,
    granted: granted === true,
    term: countOf(term),
  };
}

function leaseOf(value: unknown): Lease {
  const lease = value as Lease | null;
  if (
    typeof lease !== 'object' ||
    lease === null ||
    typeof lease.metadata !== 'object' ||
    lease.metadata === null
  ) {
    throw new Error('a Lease is missing');
  }
  return lease;
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new Error('a name is missing');
  return value;
}

function countOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new Error('a number is missing');
  return value;
}
