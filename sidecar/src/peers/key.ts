import { readFileSync } from 'node:fs';
import type { Clock } from '@hyperpage/runtime';
import { keyOf, unseal } from './seal.ts';

/** The key that the pods of this cluster share. It may change while they run, and not in all of them at the same moment:
 *  the one before it still opens. */
export interface PeerKey {
  current(): Buffer;
  /** @throws Error when none of the keys opens it. */
  open(bytes: Buffer, bound: string): string;
}

const REREAD_MS = 2000;
const LEAST_BYTES = 32;

/** @throws Error when there is no such file, or too little in it. */
export function watchPeerKey(file: string, clock: Clock): PeerKey {
  let secret = '';
  let keys: Buffer[] = [];
  let readMs = Number.NEGATIVE_INFINITY;
  const reread = () => {
    if (clock.monotonicMs() - readMs < REREAD_MS) return;
    readMs = clock.monotonicMs();
    const text = readFileSync(file, 'utf8').trim();
    if (Buffer.byteLength(text) < LEAST_BYTES) throw new Error(`${file} has less than ${LEAST_BYTES} bytes`);
    if (text === secret) return;
    secret = text;
    keys = [keyOf(text), ...keys].slice(0, 2);
  };
  const refresh = () => {
    try {
      reread();
    } catch (error) {
      // What was read before serves until the file is there again.
      if (keys.length === 0) throw error;
    }
  };
  refresh();
  return {
    current() {
      refresh();
      return keys[0] as Buffer;
    },
    open(bytes, bound) {
      refresh();
      let problem: unknown;
      for (const key of keys) {
        try {
          return unseal(key, bytes, bound);
        } catch (error) {
          problem = error;
        }
      }
      throw problem;
    },
  };
}
