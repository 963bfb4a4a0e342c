import {
  describeLost,
  faultsFound,
  percentile,
  type Report,
  type RoundResult,
  reportLines,
} from '../../../dev/chaos/report.ts';
import { Ledger } from '../../../dev/chaos/sessions/ledger.ts';

const round = (number: number, more: Partial<RoundResult> = {}): RoundResult => ({
  number,
  kind: 'kill-primary',
  begunMs: number * 10_000,
  endedMs: number * 10_000 + 8_000,
  silentMs: 2_000,
  redundantMs: 8_000,
  lost: [],
  sessions: { lost: [], resurrected: [] },
  ...more,
});
const report = (more: Partial<Report> = {}): Report => ({
  seed: 7,
  planned: 2,
  kinds: ['kill-primary'],
  rounds: [round(1), round(2, { silentMs: 6_000 })],
  acknowledged: 12_345,
  lost: [],
  twoWritable: [],
  failures: {},
  sessions: { counts: new Ledger().counts, merged: 0 },
  ...more,
});
const lost = { writer: 'shop-1.1', from: 41, to: 42, fromMs: 12_000, toMs: 12_100 };
const text = (one: Report) => reportLines(one, { bold: (t) => t, red: (t) => t }).join('\n');

test('a percentile is one of the values', () => {
  expect(percentile([30, 10, 20], 0.5)).toBe(20);
  expect(percentile([30, 10, 20, 40], 0.5)).toBe(20);
  expect(percentile([30, 10, 20], 1)).toBe(30);
  expect(percentile([], 0.5)).toBeUndefined();
});

test('a cluster that kept every promise is found nothing against', () => {
  expect(faultsFound(report())).toEqual([]);
  expect(text(report())).toContain('Nothing was lost, and every round recovered.');
});

test('the table tells count, median and maximum by kind', () => {
  expect(text(report())).toMatch(/kill-primary +2 +2\.0 s +6\.0 s +8\.0 s +8\.0 s/);
});

test('lost writes fail the run and are told with writer, number and round', () => {
  const bad = report({ lost: [lost] });
  expect(faultsFound(bad)).toEqual(['2 acknowledged writes are lost']);
  expect(text(bad)).toContain('shop-1.1 numbers 41 to 42');
  expect(text(bad)).toContain('in round 1 (kill-primary)');
});

test('a write that was acknowledged between rounds is told to be so', () => {
  const between = { ...lost, fromMs: 19_000, toMs: 19_100 };
  expect(describeLost(between, report().rounds)).toContain('after round 1 (kill-primary)');
});

test('a round that did not recover fails the run with its cause', () => {
  const { redundantMs: _, ...rest } = round(2);
  const bad = report({ rounds: [round(1), { ...rest, problem: 'Degraded=True SentinelDown' }] });
  expect(faultsFound(bad)).toEqual(['round 2, kill-primary: Degraded=True SentinelDown']);
});

test('two writable primaries are borne as long as min-replicas-max-lag bears them', () => {
  expect(faultsFound(report({ twoWritable: [{ fromMs: 0, toMs: 9_900 }] }))).toEqual([]);
  expect(faultsFound(report({ twoWritable: [{ fromMs: 0, toMs: 10_100 }] }))).toEqual([
    'two Redis were writable at the same time for 10.1 s',
  ]);
});

test('a run that was stopped or that wrote nothing proves nothing', () => {
  expect(faultsFound(report({ rounds: [round(1)] }))).toEqual(['1 of 2 rounds were run']);
  expect(faultsFound(report({ acknowledged: 0 }))).toEqual([
    'no write was acknowledged, so nothing is proven',
  ]);
});

test('a session that lacks a field, or that comes back, fails the run', () => {
  const sessions = { lost: ['abc field 2: 4, not 7'], resurrected: ['def'] };
  const bad = report({ rounds: [round(1, { sessions }), round(2)] });
  expect(faultsFound(bad)).toEqual([
    'lost: session abc field 2: 4, not 7',
    'came back after it was removed: session def',
  ]);
  expect(text(bad)).toMatch(/session writes lost +1/);
});
