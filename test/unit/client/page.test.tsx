import type { CoordinationMessage } from '@hyperpage/client';
import { renderToString } from 'react-dom/server';
import { App } from '../../../examples/app/page/app.tsx';
import { huesOf } from '../../../examples/app/page/hues.ts';
import { type LiveEvent, NOTHING_YET, step } from '../../../examples/app/page/live.ts';
import { ageOf } from '../../../examples/app/page/members.tsx';
import { textOf } from '../../../examples/app/page/messages.tsx';

const message = (id: string, change: Partial<CoordinationMessage> = {}): CoordinationMessage => ({
  id,
  type: 'broadcast',
  payload: { text: `text of ${id}` },
  timestamp: 0,
  sourcePod: 'pod-a',
  priority: 'normal',
  ...change,
});
const state = (pod: string): LiveEvent => ({
  kind: 'state',
  at: 1,
  state: { pod, leader: null, term: 0, isLeader: false, members: [] },
});
const after = (...events: LiveEvent[]) => events.reduce(step, NOTHING_YET);

describe('the example page’s log', () => {
  test('shows the newest first and each message once, however often it comes', () => {
    const { log } = after(
      { kind: 'message', message: message('1') },
      { kind: 'message', message: message('2') },
      { kind: 'message', message: message('1') },
    );
    expect(log.map(({ key }) => key)).toEqual(['2', '1']);
  });

  test('notes when the window has moved to another pod, and not when it came back to its own', () => {
    expect(after(state('pod-a'), { kind: 'disconnected' }, state('pod-a')).log).toEqual([]);
    const moved = after(state('pod-a'), { kind: 'disconnected' }, state('pod-b'));
    expect(moved).toMatchObject({
      connected: true,
      log: [{ text: 'This window moved from pod-a to pod-b.' }],
    });
  });

  test('says when messages were lost', () => {
    expect(after({ kind: 'gap', at: 1 }).log).toMatchObject([
      { text: 'Some messages did not reach this pod.' },
    ]);
  });

  test('does not grow for ever', () => {
    const events = Array.from(
      { length: 200 },
      (_, n): LiveEvent => ({ kind: 'message', message: message(`${n}`) }),
    );
    expect(after(...events).log).toHaveLength(60);
  });

  test.each([
    [message('1'), 'text of 1'],
    [
      message('1', { type: 'election', payload: { newLeader: 'pod-b', term: 3 } }),
      'pod-b leads now, in term 3.',
    ],
    [
      message('1', { type: 'election', payload: { newLeader: '', leaderId: 'pod-a', term: 2 } }),
      'pod-a has stepped down.',
    ],
    [message('1', { type: 'cache_invalidate', payload: ['a'] }), 'cache_invalidate ["a"]'],
    [message('1', { payload: null }), 'broadcast null'],
  ])('puts a message in words (%#)', (given, words) => {
    expect(textOf(given)).toBe(words);
  });
});

test('the page says that it looks for a pod until one has answered', () => {
  const html = renderToString(<App />);
  expect(html).toContain('Finding a pod…');
  expect(html).toContain('loading…');
});

describe('the colours of pods', () => {
  const names = Array.from({ length: 12 }, (_, n) => `demo-6f7c9d8b5-${n}`);

  test('are all different while there are twelve at most', () => {
    expect(new Set(huesOf(names).values()).size).toBe(12);
  });

  test('are far apart while there are few', () => {
    const hues = [...huesOf(names.slice(0, 3)).values()].sort((a, b) => a - b);
    const gaps = hues.map((hue, at) => ((hues[(at + 1) % 3] ?? 0) - hue + 360) % 360);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(90);
  });

  test('give every pod one, also when there are more', () => {
    const many = Array.from({ length: 40 }, (_, n) => `pod-${n}`);
    expect(huesOf(many).size).toBe(40);
  });
});

test('an age is told in the largest unit that fits, and never below zero', () => {
  expect([-5000, 59_000, 3_599_000, 86_399_000, 172_800_000].map(ageOf)).toEqual([
    'up 0 s',
    'up 59 s',
    'up 59 min',
    'up 23 h',
    'up 2 d',
  ]);
});
