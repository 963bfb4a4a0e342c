import { type CoordinationMessage, MAX_PAYLOAD_BYTES, PRIORITIES } from '@hyperpage/contract';
import { decodeEnvelope, encodeEnvelope } from '../../../../sidecar/src/bus/envelope.ts';
import { seeded } from '../seeded.ts';

const message: CoordinationMessage = {
  id: 'boot-1',
  type: 'cache_invalidate',
  payload: { keys: ['a'] },
  timestamp: 1,
  sourcePod: 'pod-a',
  priority: 'normal',
};
const encodedWith = (more: object) => JSON.stringify({ v: 1, ...message, ...more });

describe('the envelope of a message', () => {
  test('what is encoded is decoded the same, whatever the payload', () => {
    const random = seeded(20251029);
    for (let round = 0; round < 500; round++) {
      const one: CoordinationMessage = {
        ...message,
        payload: random.json(3),
        priority: random.of(PRIORITIES),
        timestamp: random.below(2 ** 50),
        ...(random.below(2) === 0 ? { to: 'pod-b' } : {}),
      };
      expect(decodeEnvelope(encodeEnvelope(one))).toEqual({ message: one });
    }
  });

  test('no mutilated envelope is decoded to something else, and none makes it throw', () => {
    const random = seeded(7);
    const whole = encodeEnvelope(message);
    for (let round = 0; round < 2000; round++) {
      const cut = random.below(whole.length);
      const garbage = String.fromCharCode(
        ...Array.from({ length: random.below(4) }, () => random.below(0x250)),
      );
      const decoded = decodeEnvelope(whole.slice(0, cut) + garbage + whole.slice(cut + random.below(5)));
      const fits =
        'failure' in decoded ||
        (typeof decoded.message.id === 'string' && PRIORITIES.includes(decoded.message.priority));
      expect(fits).toBe(true);
    }
  });

  test.each([
    ['not-json', 'garbage'],
    ['not-json', ''],
    ['malformed', 'null'],
    ['malformed', '[]'],
    ['malformed', '"text"'],
    ['wrong-version', '{}'],
    ['wrong-version', encodedWith({ v: 2 })],
    ['wrong-version', encodedWith({ v: '1' })],
    ['malformed', encodedWith({ more: 1 })],
    ['malformed', encodedWith({ id: '' })],
    ['malformed', encodedWith({ id: 'a b' })],
    ['malformed', encodedWith({ type: 'Upper' })],
    ['malformed', encodedWith({ payload: undefined })],
    ['malformed', encodedWith({ timestamp: -1 })],
    ['malformed', encodedWith({ timestamp: 1.5 })],
    ['malformed', encodedWith({ sourcePod: '../etc' })],
    ['malformed', encodedWith({ priority: 'urgent' })],
    ['malformed', encodedWith({ to: null })],
    ['oversized', encodedWith({ payload: 'x'.repeat(MAX_PAYLOAD_BYTES + 5000) })],
    ['oversized', encodedWith({ payload: 'ü'.repeat(MAX_PAYLOAD_BYTES / 2 + 3000) })],
  ])('%s: %.80s', (failure, text) => {
    expect(decodeEnvelope(text)).toEqual({ failure });
  });
});
