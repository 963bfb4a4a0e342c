import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ofRounds } from '../../bench/contest.ts';
import { figuresOf } from '../../bench/peers/redis-benchmark.ts';
import { OPERATOR_SETTINGS, SENTINEL_SETTINGS } from '../../bench/redis.ts';
import { SIDES, sessionGoals } from '../../bench/session-goals.ts';
import type { Standing } from '../../bench/standing.ts';

const standing = (load: string, contender: string, cpuMicros: number): Standing => ({
  load,
  contender,
  cpuMicros,
  perSecond: 1000,
  p50Ms: 1,
  p99Ms: 2,
  anonymousMiB: 20,
  residentMiB: 60,
});
const goal = (id: string, standings: readonly Standing[]) =>
  sessionGoals(standings).find((row) => row.id === `sessions/${id}`);

describe('the goals of sessions', () => {
  it('are judged by the standings under the same load', () => {
    const standings = [
      standing('write', SIDES.daprd, 10),
      standing('read', SIDES.sidecar, 80),
      standing('read', SIDES.daprd, 200),
    ];
    expect(goal('read-cpu', standings)).toMatchObject({ value: 80, peerValue: 200, ratio: 0.4, met: true });
  });

  it('stay open where a contender is missing', () => {
    const alone = [standing('read', SIDES.sidecar, 80)];
    expect(goal('read-cpu', alone)).toMatchObject({ value: 80, goal: '<= 0.5 x peer' });
    expect(goal('read-cpu', alone)).not.toHaveProperty('met');
    expect(goal('near-read-cpu', [])).toMatchObject({ goal: '<= 0.25 x peer' });
  });
});

test('a slow round of three does not change the figures', () => {
  const round = { perSecond: 100, p50Ms: 1, p99Ms: 5, cpuMicros: 80 };
  const slow = { perSecond: 10, p50Ms: 20, p99Ms: 90, cpuMicros: 400 };
  expect(ofRounds([round, slow, round])).toEqual(round);
});

test('redis-benchmark is read by its columns', () => {
  const line = '"GET","74626.87","0.126","0.032","0.103","0.247","0.391","2.799"';
  expect(figuresOf(line)).toEqual({ perSecond: 74_626.87, p50Ms: 0.103, p99Ms: 0.391 });
  expect(() => figuresOf('"GET","x"')).toThrow('redis-benchmark said');
});

test('the bench’s Redis has the settings that the operator’s script writes', () => {
  const script = readFileSync(join(import.meta.dirname, '../../../operator/scripts/redis.sh'), 'utf8');
  for (const [name, value] of Object.entries({ ...OPERATOR_SETTINGS, ...SENTINEL_SETTINGS })) {
    expect(script).toContain(`${name} ${value === '' ? '""' : value}`);
  }
});
