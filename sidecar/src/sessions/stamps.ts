import type { Clock } from '@hyperpage/runtime';

/** When a leaf was written, on a hybrid clock (Kulkarni et al., "Logical Physical Clocks", 2014): microseconds since the
 *  epoch as 16 digits, which compare as text. Of two writes of a leaf the one with the later stamp stays, whatever the
 *  order in which they reach Redis.
 *
 *  A stored leaf is JSON text, with `@` and its stamp before it once it was changed: no JSON text begins so, and a
 *  session that nobody has changed carries none. */
export type Stamp = string;

const MARK = '@';
const MARK_CODE = MARK.charCodeAt(0);
const DIGITS = 16;
const PREFIX = MARK.length + DIGITS;

const stampOf = (micros: number): Stamp => String(micros).padStart(DIGITS, '0');

/** Of leaves that nobody has changed. */
export const creationStamp = (createdMs: number): Stamp => stampOf(createdMs * 1000);

/** The next moment after `stamp`. */
export const after = (stamp: Stamp): Stamp => stampOf(Number(stamp) + 1);

/** The JSON text of a stored leaf. */
export const jsonOf = (stored: string): string =>
  stored.charCodeAt(0) === MARK_CODE ? stored.slice(PREFIX) : stored;

export const stampOfLeaf = (stored: string, createdMs: number): Stamp =>
  stored.charCodeAt(0) === MARK_CODE ? stored.slice(MARK.length, PREFIX) : creationStamp(createdMs);

export const stamped = (json: string, stamp: Stamp): string => `${MARK}${stamp}${json}`;

/** Gives stamps that only grow, and follow this pod's clock when it is ahead of them. */
export function createStamper(clock: Pick<Clock, 'wallMs'>): () => Stamp {
  let last = 0;
  return () => {
    last = Math.max(clock.wallMs() * 1000, last + 1);
    return stampOf(last);
  };
}
