import { createPatience } from '../../../../sidecar/src/redis/patience.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

test('each answer is waited for as long as any other, from when it was asked for', async () => {
  const clock = new VirtualClock();
  const patience = createPatience(clock, 1000, 'too late');
  const said: string[] = [];
  const ask = (name: string, answer: Promise<unknown>) =>
    void patience.of(answer).then(
      (value) => said.push(`${name} ${String(value)}`),
      (error: Error) => said.push(`${name} ${error.message}`),
    );
  const never = () => new Promise(() => {});
  ask('a', never());
  await clock.advance(400);
  ask('b', never());
  ask('c', Promise.resolve('yes'));
  ask('d', Promise.reject(new Error('no')));
  await clock.advance(599);
  expect(said).toEqual(['c yes', 'd no']);
  await clock.advance(1);
  expect(said).toEqual(['c yes', 'd no', 'a too late']);
  await clock.advance(400);
  expect(said.at(-1)).toBe('b too late');
  expect(clock.pending).toBe(0);
  ask('e', never());
  await clock.advance(1000);
  expect(said.at(-1)).toBe('e too late');
});

test('what was answered keeps no timer for long, and leaves nothing behind', async () => {
  const clock = new VirtualClock();
  const patience = createPatience(clock, 1000, 'too late');
  for (let n = 0; n < 100; n++) await patience.of(Promise.resolve(n));
  expect(clock.pending).toBe(1);
  await clock.advance(1000);
  expect(clock.pending).toBe(0);
});
