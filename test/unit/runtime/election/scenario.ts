import { LEASE_ANNOTATIONS } from '@hyperpage/contract';
import {
  type Effect,
  type ElectionEvent,
  type ElectionState,
  initialState,
  type Lease,
  step,
  wakeAtMs,
} from '@hyperpage/runtime';

/** Scenarios of the election as text: one candidate `me_1`, a Lease of 6 s, a heartbeat of 2 s.
 *
 *      <ms> | <event> | <effects> | <when it wakes by itself>
 *
 *  Events: `start`, `tick`, `wake`, `stop`, `floor <term>`; answers to a read: `reads <lease>`, `reads nothing`,
 *  `read fails`; answers to a write: `written`, `conflict`, `gone`, `refused`, `no answer`.
 *  A <lease> is `<holder> term <n> [renewed <mark>] [uid <mark>]`, the holder `-` meaning nobody and `itself` the Lease
 *  as the last write of this candidate left it. */
export function play(text: string): string {
  let state = initialState({
    identity: 'me_1',
    lease: { name: 'leader', namespace: 'demo' },
    timeoutMs: 6000,
    heartbeatMs: 2000,
    guardRatio: 0.1,
    createMissing: true,
    jitter: 0,
  });
  const lastWrite: { lease?: Lease } = {};
  const lines = rowsOf(text).map(([at = '', event = '']) => {
    const now = { monotonicMs: Number(at), wallMs: 1_900_000_000_000 + Number(at) };
    const result = step(state, eventOf(event, state, lastWrite), now);
    state = result.state;
    if (state.inFlight && state.inFlight.kind !== 'read') lastWrite.lease = state.inFlight.lease;
    const wakeAt = wakeAtMs(state, now);
    return [at, event, result.effects.map(wordsOf).join(', '), wakeAt === undefined ? '-' : String(wakeAt)];
  });
  return lines.map((cells) => cells.join(' | ')).join('\n');
}

/** A scenario as written, with the spaces of its columns taken out. */
export const tidy = (text: string) =>
  rowsOf(text)
    .map((cells) => cells.join(' | '))
    .join('\n');

const rowsOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));

let revision = 100;

function eventOf(text: string, state: ElectionState, lastWrite: { lease?: Lease }): ElectionEvent {
  const error = new Error('broken');
  const written = (lease: Lease): Lease => ({
    ...lease,
    metadata: { ...lease.metadata, uid: lease.metadata.uid ?? 'u1', resourceVersion: String(revision++) },
  });
  const [word, ...rest] = text.split(' ');
  switch (text.startsWith('reads ') ? 'reads' : text) {
    case 'start':
    case 'tick':
    case 'wake':
    case 'stop':
      return { kind: text as 'start' };
    case 'reads': {
      if (rest[0] === 'nothing') return { kind: 'read-answered', outcome: { kind: 'missing' } };
      const lease = rest[0] === 'itself' ? written(lastWrite.lease as Lease) : leaseOf(rest, state);
      return { kind: 'read-answered', outcome: { kind: 'found', lease } };
    }
    case 'read fails':
      return { kind: 'read-answered', outcome: { kind: 'failed', error } };
    case 'written':
      return {
        kind: 'write-answered',
        outcome: { kind: 'written', lease: written(lastWrite.lease as Lease) },
      };
    case 'conflict':
      return { kind: 'write-answered', outcome: { kind: 'conflict' } };
    case 'gone':
      return { kind: 'write-answered', outcome: { kind: 'missing' } };
    case 'refused':
      return { kind: 'write-answered', outcome: { kind: 'refused', error } };
    case 'no answer':
      return { kind: 'write-answered', outcome: { kind: 'unknown', error } };
    default:
      if (word === 'floor') return { kind: 'floor', term: Number(rest[0]) };
      throw new Error(`no such event: ${text}`);
  }
}

/** A Lease with the same words has the same resourceVersion: nobody wrote it in between. */
function leaseOf(words: string[], state: ElectionState): Lease {
  const value = (name: string) => {
    const at = words.indexOf(name);
    return at < 0 ? undefined : words[at + 1];
  };
  const holder = words[0] === '-' ? '' : (words[0] ?? '');
  const mark = value('renewed') ?? 'once';
  const uid = value('uid') ?? 'u1';
  return {
    metadata: {
      name: state.config.lease.name,
      uid,
      resourceVersion: `${uid}-${holder}-${mark}`,
      annotations: { [LEASE_ANNOTATIONS.term]: value('term') ?? '0' },
    },
    spec: { holderIdentity: holder, leaseDurationSeconds: 6, renewTime: mark },
  };
}

function wordsOf(effect: Effect): string {
  switch (effect.kind) {
    case 'write':
      return effect.write.kind === 'acquire' ? `acquire term ${effect.write.term}` : effect.write.kind;
    case 'acquired':
      return `ACQUIRED ${effect.term}`;
    case 'lost':
      return `LOST ${effect.term} ${effect.reason}`;
    case 'failed':
      return `${effect.what} failed`;
    default:
      return effect.kind;
  }
}
